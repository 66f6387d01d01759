/** The owner's own calls (`admin.ts`), for the root access key alone. */
import { isSyncError } from '../../model/errors.ts';
import type { Admin } from '../admin.ts';
import { ServiceError } from '../errors.ts';
import type { Call, ServiceOperation } from '../json-services.ts';

/** The service these calls are signed for, and how their names begin. */
export const ADMIN_SERVICE = 'enfold-storage';
export const ADMIN_PREFIX = 'EnfoldStorage.';

const asRoot = (name: keyof Admin, perform: (admin: Admin, call: Call) => Promise<unknown>): readonly [string, ServiceOperation] => [name, async (call) => {
  if (!call.principal.isRoot) throw new ServiceError('access-denied', 'only the root access key may do this');
  try {
    return { result: await perform(call.admin, call) };
  } catch (error) {
    if (isSyncError(error)) throw new ServiceError(error.code, error.about.detail ?? '');
    throw error;
  }
}];

export const adminOperations: ReadonlyMap<string, ServiceOperation> = new Map([
  asRoot('addAccessKey', (admin, { input }) => admin.addAccessKey(input.text('name'), input.flag('hasFullAccess'))),
  asRoot('listAccessKeys', (admin) => admin.listAccessKeys()),
  asRoot('removeAccessKey', (admin, { input }) => admin.removeAccessKey(input.text('name'))),
  asRoot('rotateMasterKey', (admin) => admin.rotateMasterKey()),
  asRoot('status', (admin) => admin.status()),
]);
