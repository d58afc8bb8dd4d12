import { abortable, createSerialQueue, mapConcurrent, sleep, withTimeout } from '../../src/async';

const never = new Promise<never>(() => undefined);
const reason = new Error('stopped');

/** A promise that the test resolves or rejects. */
function createGate(): { promise: Promise<void>; open: () => void; fail: (error: Error) => void } {
  let open = (): void => undefined;
  let fail: (error: Error) => void = () => undefined;
  const promise = new Promise<void>((resolve, reject) => {
    open = resolve;
    fail = reject;
  });
  return { promise, open, fail };
}

describe('sleep', () => {
  it('resolves after its time', async () => {
    await expect(sleep(1)).resolves.toBeUndefined();
  });

  it('rejects with the reason of a signal, aborted before or during the wait', async () => {
    await expect(sleep(60_000, AbortSignal.abort(reason))).rejects.toBe(reason);
    const controller = new AbortController();
    const waiting = sleep(60_000, controller.signal);
    controller.abort(reason);
    await expect(waiting).rejects.toBe(reason);
  });
});

describe('abortable', () => {
  it('settles as the work does', async () => {
    const { signal } = new AbortController();
    await expect(abortable(Promise.resolve(1), signal)).resolves.toBe(1);
    await expect(abortable(Promise.reject(reason), signal)).rejects.toBe(reason);
    await expect(abortable(Promise.resolve(1))).resolves.toBe(1);
  });

  it('rejects with the reason of the signal while the work continues', async () => {
    const controller = new AbortController();
    const waiting = abortable(never, controller.signal);
    controller.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    await expect(abortable(never, controller.signal)).rejects.toBe(reason);
  });
});

describe('withTimeout', () => {
  it('settles as work that is quick enough', async () => {
    await expect(withTimeout(Promise.resolve(1), 60_000)).resolves.toBe(1);
    await expect(withTimeout(Promise.reject(reason), 60_000)).rejects.toBe(reason);
  });

  it('resolves with undefined when the time is over', async () => {
    await expect(withTimeout(never, 1)).resolves.toBeUndefined();
    await expect(withTimeout(never, -1)).resolves.toBeUndefined();
  });

  it('rejects with the reason of the signal', async () => {
    await expect(withTimeout(never, 60_000, AbortSignal.abort(reason))).rejects.toBe(reason);
  });
});

describe('mapConcurrent', () => {
  const { signal } = new AbortController();

  it('returns the results in the order of the items, with at most `limit` calls at a time', async () => {
    let running = 0;
    let most = 0;
    const results = await mapConcurrent([3, 1, 2, 5, 4], { limit: 2, signal }, async (item) => {
      most = Math.max(most, (running += 1));
      await sleep(item);
      running -= 1;
      return item * 10;
    });
    expect(results).toEqual([30, 10, 20, 50, 40]);
    expect(most).toBe(2);
  });

  it('throws the first error, aborts the other calls and starts no further ones', async () => {
    const started: number[] = [];
    const gate = createGate();
    const mapping = mapConcurrent([1, 2, 3], { limit: 2, signal }, async (item, itemSignal) => {
      started.push(item);
      await (item === 1 ? gate.promise : abortable(never, itemSignal));
    });
    gate.fail(reason);
    await expect(mapping).rejects.toBe(reason);
    expect(started).toEqual([1, 2]);
  });
});

describe('createSerialQueue', () => {
  it('runs tasks one at a time, in the order in which they came', async () => {
    const run = createSerialQueue();
    const order: string[] = [];
    const gate = createGate();
    const first = run(async () => {
      order.push('first starts');
      await gate.promise;
      order.push('first ends');
    });
    const second = run(() => Promise.resolve(void order.push('second')));
    gate.open();
    await Promise.all([first, second]);
    expect(order).toEqual(['first starts', 'first ends', 'second']);
  });

  it('lets a task that has started run to its end when its signal is aborted', async () => {
    const run = createSerialQueue();
    const order: string[] = [];
    const [started, gate] = [createGate(), createGate()];
    const controller = new AbortController();
    const first = run(async () => {
      started.open();
      await gate.promise;
      order.push('first');
    }, controller.signal);
    const second = run(() => Promise.resolve(void order.push('second')));
    await started.promise;
    controller.abort(reason);
    await expect(first).rejects.toBe(reason);
    gate.open();
    await second;
    expect(order).toEqual(['first', 'second']);
  });

  it('skips a task whose signal is aborted before its turn, and runs the next one after an error', async () => {
    const run = createSerialQueue();
    const skipped = jest.fn(() => Promise.resolve());
    const failing = run(() => Promise.reject(reason));
    const aborted = run(skipped, AbortSignal.abort(new Error('too late')));
    await expect(failing).rejects.toBe(reason);
    await expect(aborted).rejects.toThrow('too late');
    await run(() => Promise.resolve());
    expect(skipped).not.toHaveBeenCalled();
  });
});
