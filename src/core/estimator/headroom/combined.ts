/**
 * All guesses combined into one: their mean, each weighted by how near it was of late (Bates and Granger, "The combination of
 * forecasts", 1969). Where several guesses err independently, their mean errs less than the best of them.
 */

/** Of the inverse of a guess's mean squared error: mild, and nearly the best alone. */
const POWERS = [1, 3];
export const COMBINED = POWERS.length;
/** A guess that never erred must not count alone for ever; squared shares of a core, or of an MB. */
const LEAST_ERROR = 1e-18;

/** `errors`: mean squared ones, in the order of `guesses`; null where a guess is not proven. */
export function combined(
  guesses: readonly (number | null)[],
  errors: readonly (number | null)[],
): readonly (number | null)[] {
  const least = Math.min(...errors.map((error) => error ?? Number.POSITIVE_INFINITY)) + LEAST_ERROR;
  return POWERS.map((power) => {
    let [sum, weights] = [0, 0];
    for (const [i, guess] of guesses.entries()) {
      const error = errors[i] ?? null;
      if (guess === null || error === null) continue;
      const weight = (least / (error + LEAST_ERROR)) ** power;
      sum += weight * guess;
      weights += weight;
    }
    return weights === 0 ? null : sum / weights;
  });
}
