/** The main job against Enfold's own storage; the files beside this one have its variants. */
import { useStorageWithKms } from '../helpers/storage-with-kms.ts';
import { testWholePath } from './whole-path.contract.ts';

const { server } = useStorageWithKms();

testWholePath('sse-s3', server);
testWholePath('cse-c', server);
