/** How files are read without Enfold, as printed in the kit: exact commands, each of which the tests run. */
import { currentEpoch } from '../envelope/descriptor.ts';
import { isClientSide } from '../model/mode.ts';
import type { KeyType } from '../model/settings.ts';
import { escapeHtml } from './kit-style.ts';
import type { KnownFolder } from './recovery-kit.ts';

const quote = (text: string): string => (/^[A-Za-z0-9_./:@%+=-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);
const commands = (id: string, ...lines: string[]): string => `<pre data-step="${id}">${escapeHtml(lines.join('\n'))}</pre>`;

/** The folder that the commands name: of the others, only the places differ. */
function placeOf(folders: readonly KnownFolder[]): { bucket: string; prefix: string; aws: string } {
  const [folder] = folders;
  const endpoint = folder?.endpoint === undefined || folder.endpoint === null || folder.endpoint === 'built-in' ? '' : ` --endpoint-url ${quote(folder.endpoint)}`;
  return { bucket: folder?.bucket ?? 'BUCKET', prefix: folder?.prefix ?? 'PREFIX/', aws: `aws${endpoint}` };
}

export function withoutEnfold(type: KeyType | 'kms', folders: readonly KnownFolder[]): string {
  const { bucket, prefix, aws } = placeOf(folders);
  const [folder] = folders;
  const isSealed = folder === undefined ? type !== 'sse-c' : folder.descriptor.epochs.some(({ mode }) => isClientSide(mode));
  const getObject = (out: string): string => `${aws} s3api get-object --bucket ${quote(bucket)} --key "$K" ${out} > head.json`;
  const list = `${aws} s3api list-objects-v2 --bucket ${quote(bucket)} --prefix ${quote(prefix)} --query "Contents[].Key" --output json | python3 -c "import json, sys; print(*json.load(sys.stdin), sep='\\n')" > keys.txt`;
  const keyFile = [
    '<p>Any program for age opens the recovery file with the 24 words as its passphrase, in lower case, one blank between them:</p>',
    commands('open', 'age --decrypt --output kit.json RECOVERY-FILE.age', `python3 -c "import json; k = json.load(open('kit.json'))['key']; open('key.txt', 'w').write(k.get('pem') or k['key'])"`),
    ...(type === 'rsa' ? [] : ['<p>Without that file the words alone give the key (BIP-39, English list; <code>scripts/enfold-words.py</code> of Enfold does it):</p>', commands('words', 'python3 enfold-words.py > key.txt')]),
  ].join('\n');
  const intro = type === 'kms' ? '' : keyFile;
  if (type === 'sse-c') {
    return `${intro}<p>S3 decrypts for whoever sends the key with the request:</p>${commands(
      'get', `python3 -c "import base64; open('key.bin', 'wb').write(base64.b64decode(open('key.txt').read()))"`,
      `${aws} s3api get-object --bucket ${quote(bucket)} --key "$K" --sse-customer-algorithm AES256 --sse-customer-key fileb://key.bin FILE`)}`;
  }
  if (!isSealed) return `${intro}<p>S3 decrypts for whoever may read the bucket${type === 'kms' ? ' and use the key' : ''}: any S3 program reads the files.</p>`;
  const names = folder?.descriptor.names === 'encrypted' && type !== 'kms'
    ? `<p>Which object is which file (<code>scripts/enfold-names.py</code> of Enfold; the folder's description is in the recovery file, and in the bucket at <code>${escapeHtml(prefix)}.enfold/folder.json</code>):</p>${commands(
      'names', list, `${aws} s3 cp ${quote(`s3://${bucket}/${prefix}.enfold/folder.json`)} folder.json`, `${aws} s3 cp --recursive ${quote(`s3://${bucket}/${prefix}.enfold/names/`)} names/`,
      `python3 enfold-names.py --key key.txt --descriptor folder.json --prefix ${quote(prefix)} --long-names names --json < keys.txt`)}`
    : folder?.descriptor.names === 'encrypted' ? '<p>Names are encrypted under the folder key, which KMS unwraps (<code>aws kms decrypt</code> with the encryption context that docs/format.md names).</p>' : '';
  const wrapping = type === 'kms' ? 'the KMS key as a KMS keyring' : type === 'rsa' ? 'the private key as a raw RSA keyring' : 'the key as a raw AES keyring';
  const mode = folder === undefined ? null : currentEpoch(folder.descriptor).mode;
  const version = mode !== null && 'format' in mode && mode.format === 'v2' ? 'V2' : 'V3';
  const script = type === 'kms' ? '' : `<p>One object, by the script <code>scripts/enfold-open.py</code> of Enfold (K is the object's key):</p>${commands('get', getObject('body.bin'), 'python3 enfold-open.py --key key.txt --metadata head.json --out FILE body.bin')}`;
  return `${intro}${names}${script}<p>Or with any official Amazon S3 Encryption Client (Java, Python, Go, .NET, C++, PHP, Ruby): the objects are in its format ${version}; give it ${wrapping} and read the object as usual.</p>`;
}

export function kmsRecovery(kmsKeyId: string): string {
  const id = quote(kmsKeyId);
  return `<p>See how it stands, cancel a deletion that waits (7 to 30 days), and switch it on again:</p>${commands('kms', `aws kms describe-key --key-id ${id}`, `aws kms cancel-key-deletion --key-id ${id}`, `aws kms enable-key --key-id ${id}`)}
<p>Where access is denied, whoever administers the AWS account adds <code>kms:Decrypt</code> and <code>kms:GenerateDataKey</code> for you to the key's policy. A key that was deleted is gone: keep a second copy of the files elsewhere if that must not happen.</p>`;
}
