/** The main job against Enfold's own storage, in the other modes. */
import { IN_KEY_FILE } from '../helpers/secrets.ts';
import { KMS_ALIAS, useStorageWithKms } from '../helpers/storage-with-kms.ts';
import { testWholePath } from './whole-path.contract.ts';

const { server } = useStorageWithKms();

testWholePath('cse-c', server, { variant: 'rsa', keyType: 'rsa', isBrief: true });
testWholePath('cse-c', server, { variant: 'v2', isBrief: true, args: ['--format', 'v2'], secrets: IN_KEY_FILE });
testWholePath('sse-c', server, { isBrief: true });
testWholePath('cse-kms', server, { isBrief: true, args: ['--kms-key-id', KMS_ALIAS] });
