import { testLeastRights } from './least-privilege.contract.ts';

// All of them: `least-privilege.soak.ts`.
testLeastRights([['read', 'sse-kms'], ['read', 'cse-kms'], ['write', 'sse-c'], ['both', 'cse-kms']]);
