// Statistics of a calibration: tolerance limits of run means, and intervals of shares.
/** What a tolerance limit holds: this share of all runs lies below it, with this confidence. */
const CONTENT_Z = 3.090232306167813; // normal quantile of .999
const CONFIDENCE = 0.95;
/** Normal quantile of .975: an interval of 95 %. */
const INTERVAL_Z = 1.959963984540054;

/** Mean of a sample. */
export const meanOf = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/** Standard deviation of a sample; 0 for a single value. */
export function sdOf(values: readonly number[]): number {
  if (values.length < 2) return 0;
  const mean = meanOf(values);
  const sum = values.reduce((total, value) => total + (value - mean) ** 2, 0);
  return Math.sqrt(sum / (values.length - 1));
}

/** Covariance of two samples of one length. */
export function covarianceOf(a: readonly number[], b: readonly number[]): number {
  if (a.length < 2) return 0;
  const [ma, mb] = [meanOf(a), meanOf(b)];
  return a.reduce((sum, value, i) => sum + (value - ma) * (b[i]! - mb), 0) / (a.length - 1);
}

/** Normal distribution function, to 1e-7 (Numerical approximation of erfc by Chebyshev terms). */
function normal(x: number): number {
  const z = Math.abs(x) / Math.SQRT2;
  const t = 1 / (1 + z / 2);
  const terms = [
    ...[-1.26551223, 1.00002368, 0.37409196, 0.09678418, -0.18628806],
    ...[0.27886807, -1.13520398, 1.48851587, -0.82215223, 0.17087277],
  ];
  const poly = terms.reduceRight((sum, term) => term + t * sum, 0);
  const tail = (t * Math.exp(-z * z + poly)) / 2;
  return x > 0 ? 1 - tail : tail;
}

/**
 * Chance that a sample's mean plus `factor` sample deviations lies above the content's quantile: the
 * noncentral t distribution, integrated over the sample's deviation (Simpson).
 */
function coverage(factor: number, count: number): number {
  const freedom = count - 1;
  const [steps, to] = [2000, 1 + 12 / Math.sqrt(freedom)];
  let [total, covered] = [0, 0];
  for (let i = 1; i <= steps; i++) {
    const s = (to * i) / steps;
    const odd = i % 2 === 1 ? 4 : 2;
    const simpson = i === steps ? 1 : odd;
    const density = Math.exp((freedom - 1) * Math.log(s) - (freedom * (s * s - 1)) / 2);
    const weight = simpson * density;
    total += weight;
    covered += weight * normal(Math.sqrt(count) * (factor * s - CONTENT_Z));
  }
  return covered / total;
}

/**
 * One-sided tolerance factor for `count` values: mean plus this many sample deviations holds .999 of
 * a normal population with 95 % confidence. 4.32 for 20 values, 3.77 for 50, 3.40 for 200.
 */
export function toleranceFactor(count: number): number {
  let [low, high] = [CONTENT_Z, 200];
  for (let step = 0; step < 60; step++) {
    const middle = (low + high) / 2;
    if (coverage(middle, count) < CONFIDENCE) low = middle;
    else high = middle;
  }
  return high;
}

/**
 * Upper tolerance limit of run means in nats, on their cube roots: means of few rare margins are
 * skewed, their cube roots are near normal (RULES "Calibration: margins").
 */
export function toleranceLimit(means: readonly number[]): number {
  const roots = means.map(Math.cbrt);
  return (meanOf(roots) + toleranceFactor(roots.length) * sdOf(roots)) ** 3;
}

/** Wilson's interval of 95 % for a share that was seen in `count` independent tries. */
export function shareInterval(share: number, count: number): { low: number; high: number } {
  if (count === 0) return { low: 0, high: 1 };
  const z2 = INTERVAL_Z * INTERVAL_Z;
  const middle = (share + z2 / (2 * count)) / (1 + z2 / count);
  const half =
    (INTERVAL_Z * Math.sqrt((share * (1 - share)) / count + z2 / (4 * count * count))) /
    (1 + z2 / count);
  return { low: Math.max(0, middle - half), high: Math.min(1, middle + half) };
}
