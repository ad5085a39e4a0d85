/** docs/estimates-online.md lists every setting of the online estimator; this very code says which. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { ESTIMATOR_SETTINGS } from "../../src/cli/settings/estimator-settings.js";
import { rowsOf } from "../style/settings-rows.js";

const document = readFileSync(new URL("../../docs/estimates-online.md", import.meta.url), "utf8");

test("the settings of the estimator are all there", () => {
  const table = /^\| setting \| names .*\n\|---.*\n((?:\|.*\n?)*)/m.exec(document)?.[1]?.trim();
  assert.equal(table, rowsOf(ESTIMATOR_SETTINGS));
});
