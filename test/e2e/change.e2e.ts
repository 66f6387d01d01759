/** What is done to a folder that is there, in the window: another mode, another key, earlier times, the trash. Proved by what disk and storage hold. */
import fs from 'node:fs';
import path from 'node:path';
import { HeadObjectCommand, ListObjectsV2Command, PutBucketVersioningCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { FolderView } from '../../preload/contract.ts';
import { openAccessKeys } from '../../main/storage/access-keys.ts';
import { readEndpoint } from '../../main/storage/server.ts';
import { answerDialogs, removeScratch, scratchDirectory, startApp, type RunningApp } from './enfold-app.ts';

let root: string, storage: string, running: RunningApp;
const FILES = 12;
const patient = { timeout: 60_000 };
const button = (name: string | RegExp) => running.page.getByRole('button', { name, exact: true });
const radio = (name: RegExp) => running.page.getByRole('radio', { name });
const panel = () => running.page.getByRole('region', { name: 'Encryption' });

beforeAll(async () => {
  root = scratchDirectory('change');
  storage = path.join(root, 'storage');
  fs.mkdirSync(path.join(root, 'Letters'));
  for (let index = 0; index < FILES; index += 1) fs.writeFileSync(path.join(root, 'Letters', `letter ${index}.txt`), `canary words of letter ${index}`);
  running = await startApp(path.join(root, 'home'));
  const { page } = running;
  await page.getByLabel('Place for the copies').fill(storage);
  await button('Set up storage').click();
  await page.getByLabel('Folder on this computer').fill(path.join(root, 'Letters'));
  await button('Continue to encryption').click();
  await radio(/^Anyone with access/).click();
  await button('Continue to preview').click();
  await page.getByText('files go up').waitFor();
  await button('Start').click();
  await page.locator('.head-state').getByText('Up to date').waitFor(patient);
});
afterAll(async () => {
  await running?.close();
  removeScratch();
});

async function client(): Promise<S3Client> {
  return new S3Client({ endpoint: (await readEndpoint(storage))!, region: 'us-east-1', forcePathStyle: true, credentials: (await openAccessKeys(storage)).root });
}
/** The metadata of each of the folder's objects. */
async function envelopes(): Promise<Record<string, string>[]> {
  const s3 = await client();
  const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: 'enfold', Prefix: 'letters/' }));
  const files = Contents.filter(({ Key }) => !Key!.includes('/.enfold/'));
  return Promise.all(files.map(async ({ Key }) => (await s3.send(new HeadObjectCommand({ Bucket: 'enfold', Key: Key! }))).Metadata ?? {}));
}
const sealedCount = async (): Promise<number> => (await envelopes()).filter((one) => one['x-amz-c'] === '115').length;
/** Which key wraps each: the same for all of them, or the test fails. */
async function wrappedUnder(): Promise<string> {
  const all = new Set((await envelopes()).map((one) => one['x-amz-m'] ?? ''));
  expect(all.size).toBe(1);
  return [...all][0]!;
}

test('a folder that S3 encrypts is sealed with a key of one’s own: shown before, paused, gone on with after a restart', async () => {
  const { page } = running;
  await button('Pause').click();
  await page.getByRole('tab', { name: 'Settings' }).click();
  await button('Change…').click();
  await page.getByRole('heading', { name: 'Who may read Letters from now on?' }).waitFor();
  await radio(/^Only me, and whoever/).click();
  await page.getByText('What is sent, and the same').click();
  expect(await page.getByTestId('command').textContent()).toMatch(/^enfold folder set [0-9a-f]{8} \\\n {2}--mode cse-c/);
  await button('Continue to key').click();
  await button('Make key').click();
  await page.getByRole('checkbox').check();
  await button('Continue to preview').click();
  const ways = page.getByRole('list', { name: 'What it takes' });
  await ways.getByText('fetched, encrypted anew and sent by this computer').waitFor();
  expect(await ways.getByRole('listitem').first().textContent()).toContain(String(FILES));
  expect(await sealedCount()).toBe(0);
  await button('Begin').click();
  await panel().getByText(`0 of ${FILES} objects under the new mode`).waitFor(patient);
  await panel().getByText('Paused with the folder').waitFor();
  expect(await sealedCount()).toBe(0);

  await running.close();
  running = await startApp(path.join(root, 'home'));
  await button(/^Folders/).first().click();
  await button('Letters').click();
  await panel().getByText(`0 of ${FILES} objects under the new mode`).waitFor(patient);
  await panel().getByRole('button', { name: 'Resume' }).click();
  await panel().getByText('Every object is under the new mode').waitFor(patient);
  await panel().getByText(`${FILES} objects were changed`).waitFor();
  expect(await sealedCount()).toBe(FILES);
  expect(await running.page.locator('.page-head').getByText('Sealed, my key').count()).toBe(1);
  expect(fs.readFileSync(path.join(root, 'Letters', 'letter 3.txt'), 'utf8')).toBe('canary words of letter 3');
}, 240_000);

test('the key of a folder is replaced on the page of keys, without the contents being sent again', async () => {
  const { page } = running;
  const before = await wrappedUnder();
  await button(/^Keys/).first().click();
  await page.getByRole('button', { name: /^Letters key/ }).click();
  await button('Replace…').click();
  const dialog = page.getByRole('dialog');
  await dialog.getByText('get their data key wrapped anew, the content stays').waitFor(patient);
  await dialog.getByText('Nothing is fetched or sent').waitFor();
  await button('Replace the key').click();
  await page.getByRole('heading', { name: 'Letters key 2' }).waitFor(patient);
  await page.getByText('Save its recovery file now.').waitFor();
  await expect.poll(async () => (await envelopes()).every((one) => one['x-amz-m'] !== before), patient).toBe(true);
  const after = await wrappedUnder();
  const keys = await page.evaluate(async () => window.enfold.request('keys.list', undefined));
  if (!keys.ok) throw new Error(keys.error.code);
  const next = keys.value.find(({ name }) => name === 'Letters key 2');
  expect([next?.usedBy, after.includes(next?.keyId ?? 'none')]).toEqual([['Letters'], true]);

  // The old one is refused to be removed while something here may need it, and stays.
  await page.getByRole('button', { name: /^Letters key (?!2)/ }).first().click();
  await button('Remove key…').click();
  await button('Remove for good').click();
  await page.getByRole('dialog').getByRole('alert').waitFor();
  await button('Keep it').click();
  await button(/^Folders/).first().click();
  await button('Letters').click();
  await page.getByRole('tab', { name: 'Settings' }).click();
  await button('Earlier versions').click();
  await button('Which keys are needed?').click();
  await page.getByText('Needed: Letters key 2').first().waitFor(patient);
}, 240_000);

async function value(name: 'folders.list'): Promise<FolderView[]> {
  const answer = await running.page.evaluate(async (wanted) => window.enfold.request(wanted, undefined), name);
  if (!answer.ok) throw new Error(answer.error.code);
  return answer.value;
}
const inFolder = (name: string): string => path.join(root, 'Letters', name);
const row = (name: string | RegExp) => running.page.getByRole('row', { name });
const bringBack = async (): Promise<void> => {
  await running.page.getByRole('dialog').getByText(/come.? back$/).waitFor(patient);
  await running.page.getByRole('dialog').getByRole('button', { name: 'Bring back', exact: true }).click();
  await running.page.getByRole('status').filter({ hasText: /back, / }).waitFor(patient);
};

test('files come back as they were at a time, and those that were deleted, into place or elsewhere', async () => {
  const { page } = running;
  await button('Close').click();
  await (await client()).send(new PutBucketVersioningCommand({ Bucket: 'enfold', VersioningConfiguration: { Status: 'Enabled' } }));
  const then = Math.floor(Date.now() / 1000) * 1000;
  // A version's time is told in whole seconds.
  await expect.poll(() => Date.now() > then + 1000, { timeout: 5000, interval: 50 }).toBe(true);
  await button('Browse S3').click();
  await row(/^letter 2/).waitFor(patient);
  fs.writeFileSync(inFolder('letter 1.txt'), 'other words');
  for (const name of ['letter 2.txt', 'letter 5.txt']) fs.rmSync(inFolder(name));
  await row(/^letter [25]/).first().waitFor({ ...patient, state: 'detached' });
  await expect.poll(async () => (await value('folders.list'))[0]?.status.files, patient).toBe(FILES - 2);
  await button('Earlier times…').click();
  await page.getByLabel('Date and time').fill(new Date(then - new Date(then).getTimezoneOffset() * 60_000).toISOString().slice(0, 19));
  await row(/^letter 1\.txt.*Changed since/).waitFor(patient);
  await row(/^letter 3\.txt.*As it is now/).waitFor();
  await row(/^letter 2\.txt.*Deleted since/).click();
  await button('Bring back…').click();
  await bringBack();
  expect(fs.readFileSync(inFolder('letter 2.txt'), 'utf8')).toBe('canary words of letter 2');

  await button('Bring all of it back…').click();
  await radio(/^To another folder/).click();
  await page.getByLabel('Folder to put it in').fill(path.join(root, 'Then'));
  await bringBack();
  expect(fs.readdirSync(path.join(root, 'Then'))).toHaveLength(FILES);
  expect(fs.readFileSync(path.join(root, 'Then', 'letter 1.txt'), 'utf8')).toBe('canary words of letter 1');
  expect(fs.readFileSync(inFolder('letter 1.txt'), 'utf8')).toBe('other words');

  await page.getByText('Deleted files', { exact: true }).click();
  await row(/^letter 5\.txt.*Deleted since/).click(patient);
  await button('Bring back…').click();
  await bringBack();
  expect(fs.readFileSync(inFolder('letter 5.txt'), 'utf8')).toBe('canary words of letter 5');
}, 240_000);

test('what was replaced lies in the trash, is put back, and goes for good only after a question', async () => {
  const { page } = running;
  const filesInTrash = (): string[] => fs.readdirSync(inFolder('.enfold/trash'), { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map(({ name }) => name);
  await page.getByText('As it was at', { exact: true }).click();
  await row(/^letter 1\.txt/).click();
  await button('Bring back…').click();
  await bringBack();
  expect(fs.readFileSync(inFolder('letter 1.txt'), 'utf8')).toBe('canary words of letter 1');
  await button(/^Folders/).first().click();
  await button('Letters').click();
  await page.getByRole('tab', { name: 'Trash' }).click();
  await page.getByRole('checkbox', { name: 'Choose letter 1.txt' }).check(patient);
  await button('Put back').click();
  await page.getByText('One was not put back').waitFor(patient);
  expect(fs.readFileSync(inFolder('letter 1.txt'), 'utf8')).toBe('canary words of letter 1');
  await page.getByRole('checkbox', { name: 'Choose letter 1.txt' }).check();
  await page.getByRole('checkbox', { name: /^Replace what stands there/ }).check();
  await button('Put back').click();
  await page.getByText('1 file was put back.').waitFor(patient);
  expect(fs.readFileSync(inFolder('letter 1.txt'), 'utf8')).toBe('other words');
  expect(filesInTrash()).toEqual(['letter 1.txt']);
  await button('Empty…').click();
  await page.getByRole('dialog').getByText('Delete 1 file for good?').waitFor();
  await button('Keep them').click();
  expect(filesInTrash()).toEqual(['letter 1.txt']);
  await button('Empty…').click();
  await button('Delete 1 file').click();
  await page.getByText('The trash is empty.').waitFor(patient);
  expect(filesInTrash()).toEqual([]);
  expect(fs.readFileSync(inFolder('letter 1.txt'), 'utf8')).toBe('other words');
}, 240_000);

test('a bucket is made to refuse other encryption, tried, taken back, counted with its old versions, and written as a template', async () => {
  const { page } = running;
  await button('Storage').first().click();
  await page.getByRole('button', { name: /^Examine a bucket of/ }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByText('Refuse others', { exact: true }).click();
  await button('Look at the policy').click();
  await button('Put it there').click(patient);
  await page.getByText('The policy of the bucket is changed.').waitFor(patient);
  await button('Try it').click();
  await page.getByText('Proved: every upload was answered as it should be.').waitFor(patient);
  await button('Look at the policy').click();
  await page.getByText('The bucket has it already.').waitFor(patient);
  await button('Look at taking it away').click();
  await button('Take it away').click(patient);
  await page.getByText('The policy of the bucket is changed.').waitFor(patient);

  await dialog.getByText('Objects', { exact: true }).first().click();
  await page.getByRole('checkbox', { name: 'Old versions too' }).check();
  await button('Look at every object').click();
  await page.getByText(/^Of them \d+ are old versions/).waitFor(patient);

  await dialog.getByText('As a template', { exact: true }).click();
  await dialog.getByText('Terraform', { exact: true }).click();
  await answerDialogs(running.app, [path.join(root, 'bucket.tf')]);
  await button('Save template…').click();
  await page.getByText(/^Saved to/).waitFor(patient);
  expect(fs.readFileSync(path.join(root, 'bucket.tf'), 'utf8')).toContain('resource "aws_s3_bucket"');
}, 240_000);

test('a folder is told why a file is left out, gets another direction and name, is read back whole, and its server is known', async () => {
  const { page } = running;
  await button('Close').click();
  await page.getByText('What it can do: Letters').click();
  await page.getByText('Refuses to overwrite or delete what it should not.').waitFor(patient);
  await button(/^Folders/).first().click();
  await button('Letters').click();
  await page.getByRole('tab', { name: 'Skipped' }).click();
  fs.writeFileSync(inFolder('.enfoldignore'), '*.draft\n');
  fs.writeFileSync(inFolder('plan.draft'), 'not yet');
  await page.getByLabel('A file or folder inside this one').fill(inFolder('plan.draft'));
  await button('Explain').click();
  await page.getByText(/^Left out by a rule/).first().waitFor(patient);
  await page.getByRole('tab', { name: 'Settings' }).click();
  await page.getByLabel('Name', { exact: true }).fill('Post');
  await page.getByRole('combobox', { name: 'Direction' }).click();
  await page.getByRole('option', { name: 'Upload only' }).click();
  await button('Apply').click();
  await page.getByRole('heading', { name: 'Post', exact: true }).waitFor(patient);
  await expect.poll(async () => (await value('folders.list'))[0]?.direction, patient).toBe('upload');
  await button('Check everything').click();
  await page.getByText(/objects read back, .*all right\.$/).waitFor(patient);
}, 240_000);
