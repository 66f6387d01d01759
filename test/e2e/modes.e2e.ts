/** The modes whose key is in KMS, or the user's at S3, set up through the window and proved by what the storage holds. */
import fs from 'node:fs';
import path from 'node:path';
import { HeadObjectCommand, ListObjectsV2Command, S3Client, type HeadObjectCommandOutput } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openAccessKeys } from '../../main/storage/access-keys.ts';
import { readEndpoint } from '../../main/storage/server.ts';
import { removeScratch, scratchDirectory, startApp, type RunningApp } from './enfold-app.ts';

let root: string, storage: string, running: RunningApp;
const button = (name: string | RegExp) => running.page.getByRole('button', { name });
const radio = (name: RegExp) => running.page.getByRole('radio', { name });

beforeAll(async () => {
  root = scratchDirectory('modes');
  storage = path.join(root, 'storage');
  for (const name of ['Kms', 'Customer']) {
    fs.mkdirSync(path.join(root, name));
    fs.writeFileSync(path.join(root, name, 'letter.txt'), 'words');
  }
  running = await startApp(path.join(root, 'home'));
  const { page } = running;
  await page.getByLabel('Place for the copies').fill(storage);
  await button('Set up storage').click();
  await page.getByRole('heading', { name: 'Which folder?' }).waitFor();
});
afterAll(async () => {
  await running?.close();
  removeScratch();
});

async function chooseFolder(name: string): Promise<void> {
  await running.page.getByLabel('Folder on this computer').fill(path.join(root, name));
  await button('Continue to encryption').click();
  await running.page.getByRole('heading', { name: 'Who may read this?' }).waitFor();
}
async function startIt(name: string): Promise<void> {
  const { page } = running;
  await button('Continue to preview').click();
  await page.getByText('file goes up').waitFor();
  await button('Start').click();
  await page.getByRole('heading', { name }).waitFor();
  await page.locator('.head-state').getByText('Up to date').waitFor({ timeout: 60_000 });
}
async function client(): Promise<S3Client> {
  return new S3Client({ endpoint: (await readEndpoint(storage))!, region: 'us-east-1', forcePathStyle: true, credentials: (await openAccessKeys(storage)).root });
}
async function headOf(prefix: string): Promise<HeadObjectCommandOutput> {
  const s3 = await client();
  const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: 'enfold', Prefix: prefix }));
  const { Key } = Contents.find((one) => !one.Key!.includes('.enfold/'))!;
  return s3.send(new HeadObjectCommand({ Bucket: 'enfold', Key: Key! }));
}

test('a new KMS key is made in the wizard, and seals the folder in the format chosen', async () => {
  const { page } = running;
  await chooseFolder('Kms');
  await radio(/^People I allow on a KMS key.*CSE-KMS/).click();
  await page.getByRole('radiogroup', { name: 'Envelope' }).getByText('V2').click();
  await page.getByText('What is sent, and the same').click();
  expect(await page.getByTestId('command').textContent()).toContain('--mode cse-kms');
  await button('Continue to key').click();
  await radio(/^A new key/).click();
  await page.getByLabel('Name of the key').fill('atelier');
  await button('Make key in KMS').click();
  await expect.poll(() => radio(/^alias\/atelier/).isChecked()).toBe(true);
  await startIt('Kms');
  const { Metadata = {} } = await headOf('kms/');
  expect([Metadata['x-amz-wrap-alg'], Metadata['x-amz-cek-alg']]).toEqual(['kms+context', 'AES/GCM/NoPadding']);
}, 120_000);

test('a customer key is made in the wizard and lent to S3, which shows nothing without it', async () => {
  await button('Folders').first().click();
  await button('Add folder').click();
  await button('Continue to folder').click();
  await chooseFolder('Customer');
  await radio(/^Whoever I give my key/).click();
  await button('Continue to key').click();
  await button('Make key').click();
  await running.page.getByRole('checkbox').check();
  await startIt('Customer');
  await expect(headOf('customer/')).rejects.toMatchObject({ $metadata: { httpStatusCode: 400 } });
  await running.page.getByText('My key, at S3').first().waitFor();
}, 120_000);
