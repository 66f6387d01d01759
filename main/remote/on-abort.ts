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
