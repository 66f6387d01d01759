import { SyncError, type ErrorCode } from '../../main/model/errors.ts';

/** `value` where a call returns, else the code of the listed error it throws; any other error fails the test. */
export function answerOf(call: () => unknown): ErrorCode | 'value' {
  try {
    call();
    return 'value';
  } catch (error) {
    if (error instanceof SyncError) return error.code;
    throw error;
  }
}

/** As {@link answerOf}, for promises. */
export async function answerTo(promise: Promise<unknown>): Promise<ErrorCode | 'value'> {
  try {
    await promise;
    return 'value';
  } catch (error) {
    if (error instanceof SyncError) return error.code;
    throw error;
  }
}
