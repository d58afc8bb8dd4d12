import { addSample, estimateRequestRate, type RequestSample } from '../../../src/commands/terminal/pace';

describe('estimateRequestRate', () => {
  const estimate = (samples: [seconds: number, requests: number][]): (number | undefined)[] => {
    let current: RequestSample[] = [];
    return samples.map(([seconds, requests]) => {
      current = addSample(current, { at: seconds * 1_000, requests });
      return estimateRequestRate(current);
    });
  };

  it('returns undefined before new requests, also in a sync that already runs', () => {
    expect(estimate([[0, 0]])).toEqual([undefined]);
    const joined: [number, number][] = [
      [1, 700],
      [2, 700],
    ];
    expect(estimate(joined)).toEqual([undefined, undefined]);
  });

  it('covers the last ten seconds', () => {
    const samples = Array.from({ length: 30 }, (_, second): [number, number] => [
      second,
      Math.min(second, 15) * 10 + Math.max(0, second - 15) * 2,
    ]);
    const rates = estimate(samples);
    expect([rates[1], rates[15], rates[20], rates[25], rates[29]]).toEqual([10, 10, 6, 2, 2]);
  });

  it('smooths fetches that report many requests at once', () => {
    const samples = Array.from({ length: 61 }, (_, second): [number, number] => [
      second,
      Math.floor(second / 15) * 300,
    ]);
    expect(new Set(estimate(samples).slice(15))).toEqual(new Set([20]));
  });
});
