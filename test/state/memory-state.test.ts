import type { DeviceId } from '../../main/model/version-vector.ts';
import { MemoryState, newRecords } from '../helpers/memory-state.ts';
import { describeFolderState } from './folder-state.contract.ts';

describeFolderState('the records of a folder in memory, as simulations use them', () => {
  const records = newRecords('0123456789ab' as DeviceId);
  return { state: new MemoryState(records), reopen: () => new MemoryState(records), done: () => undefined };
});
