import { getEventListeners } from 'node:events';
import { describe, expect, test } from 'vitest';
import { onAbort, unlessAborted } from '../../main/remote/on-abort.ts';

describe('Waiting for the end of a signal', () => {
  test('adds one listener, however many wait', () => {
    const { signal } = new AbortController();
    for (let i = 0; i < 100; i += 1) onAbort(signal, () => undefined);
    expect(getEventListeners(signal, 'abort')).toHaveLength(1);
  });

  test('calls each who still waits, once', () => {
    const controller = new AbortController();
    const called: string[] = [];
    onAbort(controller.signal, () => called.push('first'));
    onAbort(controller.signal, () => called.push('gone'))();
    const last = (): void => void called.push('same');
    onAbort(controller.signal, last);
    onAbort(controller.signal, last)();
    controller.abort();
    controller.abort();
    expect(called).toEqual(['first', 'same']);
  });

  test('leaves nothing on the signal when nobody waits any more, and can begin again', () => {
    const controller = new AbortController();
    const end = onAbort(controller.signal, () => undefined);
    end();
    end();
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0);
    let calls = 0;
    onAbort(controller.signal, () => (calls += 1));
    end();
    controller.abort();
    expect(calls).toBe(1);
  });

  test('does not call one who gave up while the others are called', () => {
    const controller = new AbortController();
    let isCalled = false;
    onAbort(controller.signal, () => end());
    const end = onAbort(controller.signal, () => (isCalled = true));
    controller.abort();
    expect(isCalled).toBe(false);
  });
});

describe('Work that others share', () => {
  test('is waited for until the signal ends, with its own result or error', async () => {
    const { signal } = new AbortController();
    expect(await unlessAborted(Promise.resolve(1), signal)).toBe(1);
    await expect(unlessAborted(Promise.reject(new Error('own')), signal)).rejects.toThrow('own');
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });

  test('is left as soon as the signal ends', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    const left = unlessAborted(new Promise(() => undefined), controller.signal);
    controller.abort(reason);
    await expect(left).rejects.toBe(reason);
    await expect(unlessAborted(Promise.reject(new Error('too late')), controller.signal)).rejects.toBe(reason);
  });
});
