/** The typed client of the contract, and the hooks built on it. */
import { useCallback, useEffect, useRef, useState } from 'react';
import type { EnfoldApi, RequestAnswer, RequestInput, RequestName, WireError } from '../preload/contract.ts';

declare global {
  interface Window {
    readonly enfold: EnfoldApi;
  }
}

/** An answer that was an error, thrown so that a chain of requests stops at the first one. */
export class AnswerError extends Error {
  readonly wire: WireError;

  constructor(wire: WireError) {
    super(wire.says);
    this.wire = wire;
  }
}

/** @throws AnswerError */
export async function ask<N extends RequestName>(name: N, input: RequestInput<N>): Promise<RequestAnswer<N>> {
  const answer = await window.enfold.request(name, input);
  if (!answer.ok) throw new AnswerError(answer.error);
  return answer.value;
}

export function wireOf(error: unknown): WireError {
  if (error instanceof AnswerError) return error.wire;
  return { code: 'invariant', says: String(error), next: '', retry: 'never', about: {} };
}

export type Action = {
  /** Runs one piece of work; a second call while it runs does nothing. @returns whether it succeeded. */
  readonly run: (work: () => Promise<unknown>) => Promise<boolean>;
  readonly isRunning: boolean;
  readonly error: WireError | null;
  readonly clear: () => void;
};

/** For buttons: what runs, and the error to show beside it. */
export function useAction(): Action {
  const [isRunning, setRunning] = useState(false);
  const [error, setError] = useState<WireError | null>(null);
  const busy = useRef(false);
  const run = useCallback(async (work: () => Promise<unknown>) => {
    if (busy.current) return false;
    busy.current = true;
    setRunning(true);
    setError(null);
    try {
      await work();
      return true;
    } catch (thrown) {
      setError(wireOf(thrown));
      return false;
    } finally {
      busy.current = false;
      setRunning(false);
    }
  }, []);
  const clear = useCallback(() => setError(null), []);
  return { run, isRunning, error, clear };
}

export type Loaded<T> = { readonly value: T | null; readonly error: WireError | null; readonly isLoading: boolean; readonly reload: () => void };

/** For views: asks when shown and whenever the input changes; keeps the last value while it asks again. `input` null: nothing to ask. */
export function useAnswer<N extends RequestName>(name: N, input: RequestInput<N> | null, refresh: unknown = null): Loaded<RequestAnswer<N>> {
  const [state, setState] = useState<{ key: string; value: RequestAnswer<N> | null; error: WireError | null }>({ key: '', value: null, error: null });
  const [round, setRound] = useState(0);
  const [isLoading, setLoading] = useState(input !== null);
  const key = JSON.stringify([name, input]);
  useEffect(() => {
    if (input === null) return;
    let isCurrent = true;
    setLoading(true);
    ask(name, input)
      .then((value) => isCurrent && setState({ key, value, error: null }))
      .catch((error: unknown) => isCurrent && setState((last) => ({ key, value: last.key === key ? last.value : null, error: wireOf(error) })))
      .finally(() => isCurrent && setLoading(false));
    return () => {
      isCurrent = false;
    };
    // `key` stands for name and input.
  }, [key, round, refresh]);
  const reload = useCallback(() => setRound((last) => last + 1), []);
  const isMine = state.key === key;
  return { value: isMine ? state.value : null, error: isMine ? state.error : null, isLoading, reload };
}
