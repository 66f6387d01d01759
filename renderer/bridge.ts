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

type ErrorListener = (error: WireError) => void;
let errorListener: ErrorListener | null = null;
/** One listener hears of every error beside whoever asked: some need the whole window, as a missing passphrase does. */
export function onAnyError(listener: ErrorListener): void {
  errorListener = listener;
}

/** @throws AnswerError */
export async function ask<N extends RequestName>(name: N, input: RequestInput<N>): Promise<RequestAnswer<N>> {
  const answer = await window.enfold.request(name, input);
  if (!answer.ok) {
    errorListener?.(answer.error);
    throw new AnswerError(answer.error);
  }
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

/**
 * For views: asks when shown, whenever the input changes, and whenever `refresh` does; keeps the last value of the same input
 * while it asks again. `input` null: nothing to ask.
 */
export function useAnswer<N extends RequestName>(name: N, input: RequestInput<N> | null, refresh: unknown = null): Loaded<RequestAnswer<N>> {
  const [round, setRound] = useState(0);
  const key = input === null ? null : (JSON.stringify(input) ?? '');
  /** Names one asking: an answer that comes late, for an earlier one, is not shown. */
  const token = `${name} ${key} ${String(refresh)} ${round}`;
  const [state, setState] = useState<{ token: string; key: string | null; value: RequestAnswer<N> | null; error: WireError | null }>({ token: '', key: null, value: null, error: null });
  useEffect(() => {
    let isCurrent = true;
    if (key !== null) {
      ask(name, (key === '' ? undefined : JSON.parse(key)) as RequestInput<N>).then(
        (value) => isCurrent && setState({ token, key, value, error: null }),
        (error: unknown) => isCurrent && setState((last) => ({ token, key, value: last.key === key ? last.value : null, error: wireOf(error) })),
      );
    }
    return () => {
      isCurrent = false;
    };
  }, [name, key, token]);
  const reload = useCallback(() => setRound((last) => last + 1), []);
  const isMine = state.key === key && key !== null;
  return { value: isMine ? state.value : null, error: isMine ? state.error : null, isLoading: key !== null && state.token !== token, reload };
}
