/** A table that may be wider than the screen: it scrolls by itself, also by keyboard, and says what it is. */
import type { ComponentChildren } from "preact";

export const ScrollArea = ({ label, children }: { readonly label: string; readonly children: ComponentChildren }) => (
  // biome-ignore lint/a11y/noNoninteractiveTabindex: whoever has no pointer must be able to scroll it (WCAG 2.1.1)
  <section class="scroll" aria-label={label} tabIndex={0}>
    {children}
  </section>
);
