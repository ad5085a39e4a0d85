/**
 * The network of the LSTM assessor: one LSTM layer of 4 units, a dense layer of 1, look-back 1. With sequences of one step the
 * state before is zero, so the forget gate and the recurrent kernel never count, and what is left is
 *
 *     i = sigm(a x + a'),  g = tanh(b x + b'),  o = sigm(c x + c'),  y = d + sum over units of v o tanh(i g)
 *
 * with 29 parameters. Trained by Adam (Kingma and Ba, 2015; as Keras applies it), one sample at a time, on the squared error,
 * with gradients in closed form. This is the hot loop of `greedy`: no allocation, typed arrays, one exponential per gate.
 */
export const UNITS = 4;
/** Input, cell and output gates: kernel and bias each; then the dense layer's weights and its bias. */
const [IN_KERNEL, CELL_KERNEL, OUT_KERNEL, IN_BIAS, CELL_BIAS, OUT_BIAS, DENSE] = [0, 4, 8, 12, 16, 20, 24];
const DENSE_BIAS = 28;
export const PARAMETERS = 29;

const LEARNING_RATE = 0.001;
const [KEEP_MEAN, KEEP_SQUARE] = [0.9, 0.999];
const EPSILON = 1e-7;

/** Twice its argument's exponential decides a hyperbolic tangent; beyond, it is 1 to the last bit. */
const SATURATED = 20;

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const tanh = (x: number): number => (x > SATURATED ? 1 : x < -SATURATED ? -1 : 1 - 2 / (Math.exp(2 * x) + 1));

/** Output for the input `x`. */
export function predict(weights: Float64Array, x: number): number {
  let y = weights[DENSE_BIAS]!;
  for (let unit = 0; unit < UNITS; unit++) {
    const input = sigmoid(weights[IN_KERNEL + unit]! * x + weights[IN_BIAS + unit]!);
    const cell = tanh(weights[CELL_KERNEL + unit]! * x + weights[CELL_BIAS + unit]!);
    const output = sigmoid(weights[OUT_KERNEL + unit]! * x + weights[OUT_BIAS + unit]!);
    y += weights[DENSE + unit]! * output * tanh(input * cell);
  }
  return y;
}

/** Room for one training; reused, since trainings follow one another. */
const [inputs, cells, outputs, squashed] = [0, 1, 2, 3].map(() => new Float64Array(UNITS)) as [
  Float64Array,
  Float64Array,
  Float64Array,
  Float64Array,
];

/** Writes the derivative of (predict(x) - target)^2 by each parameter into `into`. */
export function gradient(weights: Float64Array, x: number, target: number, into: Float64Array): void {
  let y = weights[DENSE_BIAS]!;
  for (let unit = 0; unit < UNITS; unit++) {
    const input = sigmoid(weights[IN_KERNEL + unit]! * x + weights[IN_BIAS + unit]!);
    const cell = tanh(weights[CELL_KERNEL + unit]! * x + weights[CELL_BIAS + unit]!);
    const output = sigmoid(weights[OUT_KERNEL + unit]! * x + weights[OUT_BIAS + unit]!);
    const state = tanh(input * cell);
    y += weights[DENSE + unit]! * output * state;
    inputs[unit] = input;
    cells[unit] = cell;
    outputs[unit] = output;
    squashed[unit] = state;
  }
  const byOutput = 2 * (y - target);
  into[DENSE_BIAS] = byOutput;
  for (let unit = 0; unit < UNITS; unit++) {
    const input = inputs[unit]!;
    const cell = cells[unit]!;
    const output = outputs[unit]!;
    const state = squashed[unit]!;
    const byHidden = byOutput * weights[DENSE + unit]!;
    const byState = byHidden * output * (1 - state * state);
    const byIn = byState * cell * input * (1 - input);
    const byCell = byState * input * (1 - cell * cell);
    const byOut = byHidden * state * output * (1 - output);
    into[IN_KERNEL + unit] = byIn * x;
    into[CELL_KERNEL + unit] = byCell * x;
    into[OUT_KERNEL + unit] = byOut * x;
    into[IN_BIAS + unit] = byIn;
    into[CELL_BIAS + unit] = byCell;
    into[OUT_BIAS + unit] = byOut;
    into[DENSE + unit] = byOutput * output * state;
  }
}

const slopes = new Float64Array(PARAMETERS);
const means = new Float64Array(PARAMETERS);
const variances = new Float64Array(PARAMETERS);

/** Trains `weights` in place on the pairs series[t] -> series[t + 1], t < `pairs`, in order of time, `epochs` times over. */
export function train(weights: Float64Array, series: Float64Array, pairs: number, epochs: number): void {
  means.fill(0);
  variances.fill(0);
  let [meanPower, squarePower] = [1, 1];
  for (let epoch = 0; epoch < epochs; epoch++) {
    for (let t = 0; t < pairs; t++) {
      gradient(weights, series[t]!, series[t + 1]!, slopes);
      meanPower *= KEEP_MEAN;
      squarePower *= KEEP_SQUARE;
      const rate = (LEARNING_RATE * Math.sqrt(1 - squarePower)) / (1 - meanPower);
      for (let i = 0; i < PARAMETERS; i++) {
        const slope = slopes[i]!;
        const mean = means[i]! + (slope - means[i]!) * (1 - KEEP_MEAN);
        const variance = variances[i]! + (slope * slope - variances[i]!) * (1 - KEEP_SQUARE);
        means[i] = mean;
        variances[i] = variance;
        weights[i] = weights[i]! - (rate * mean) / (Math.sqrt(variance) + EPSILON);
      }
    }
  }
}

/** Root mean square error of predicting series[t + 1] from series[t], t < `pairs`, each difference as `scale` tells it. */
export function rootMeanSquareError(
  weights: Float64Array,
  series: Float64Array,
  pairs: number,
  scale: (value: number) => number,
): number {
  let sum = 0;
  for (let t = 0; t < pairs; t++) {
    const off = scale(series[t + 1]!) - scale(predict(weights, series[t]!));
    sum += off * off;
  }
  return Math.sqrt(sum / pairs);
}
