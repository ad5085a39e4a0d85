/** fast-check from one seed for all properties, so that a run of the tests can be repeated; HEADROOM_TEST_SEED looks elsewhere. */
import fc from "fast-check";

fc.configureGlobal({ seed: Number(process.env.HEADROOM_TEST_SEED ?? 1) });

export default fc;
