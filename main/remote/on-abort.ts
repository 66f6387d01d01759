/** Many waiting for the end of one signal: one listener on it, however many requests and transfers it ends. */
const waiting = new WeakMap<AbortSignal, { readonly callbacks: Set<() => void>; readonly listener: () => void }>();

/**
 * Calls `callback` once when the signal is aborted. A signal that is aborted already calls nothing: look at it first.
 *
 * @returns ends the waiting; calling it twice is harmless.
 */
export function onAbort(signal: AbortSignal, callback: () => void): () => void {
  // A function of its own, since the same one may be given twice.
  const own = (): void => callback();
  let shared = waiting.get(signal);
  if (shared === undefined) {
    const callbacks = new Set<() => void>();
    const listener = (): void => {
      waiting.delete(signal);
      for (const each of callbacks) each();
    };
    shared = { callbacks, listener };
    waiting.set(signal, shared);
    signal.addEventListener('abort', listener, { once: true });
  }
  const { callbacks, listener } = shared;
  callbacks.add(own);
  return () => {
    if (!callbacks.delete(own) || callbacks.size > 0 || waiting.get(signal)?.callbacks !== callbacks) return;
    // A combined signal with a listener is kept alive as long as those it is made of.
    waiting.delete(signal);
    signal.removeEventListener('abort', listener);
  };
}

/**
 * Waits in a line of the caller's own until it is called, or until the signal is aborted, with the signal's reason then.
 *
 * @param join - puts `go` into the line and returns what takes it out again.
 */
export function waitForTurn<T>(signal: AbortSignal, join: (go: (value: T) => void) => () => void): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const leave = join((value) => {
      forget();
      resolve(value);
    });
    const forget = onAbort(signal, () => {
      leave();
      reject(signal.reason as Error);
    });
  });
}

/** What `work` comes to, or the signal's reason as soon as it is aborted: for work that others share, or that hears no signal. */
export async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  if (signal.aborted) {
    work.catch(() => undefined);
    throw signal.reason;
  }
  return new Promise<T>((resolve, reject) => {
    const forget = onAbort(signal, () => reject(signal.reason as Error));
    work.then(resolve, reject).finally(forget);
  });
}
