/** Takes the pictures of what is done to a folder that is there, from the real app, each light and dark: part of `npm run screenshots`. */
import fs from 'node:fs';
import path from 'node:path';
import { PutBucketVersioningCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openAccessKeys } from '../../main/storage/access-keys.ts';
import { readEndpoint } from '../../main/storage/server.ts';
import { removeScratch, scratchDirectory, startApp, type RunningApp } from './enfold-app.ts';
import { pictureOf, pictures } from './pictures.ts';

let root: string, home: string, running: RunningApp;
const patient = { timeout: 60_000 };
const button = (name: string | RegExp) => running.page.getByRole('button', { name, exact: true });
const picture = async (name: string): Promise<void> => pictureOf(running.page, name);
const inFolder = (name: string): string => path.join(home, 'Letters', name);

beforeAll(async () => {
  root = scratchDirectory('flows');
  home = path.join(root, 'ines');
  for (const name of ['2024/To the council.odt', '2024/To mum.md', '2025/Rent.pdf', '2025/Insurance.pdf', '2026/Kindergarten.odt', '2026/To mum.md', 'Addresses.ods', 'readme.txt']) {
    fs.mkdirSync(path.dirname(inFolder(name)), { recursive: true });
    fs.writeFileSync(inFolder(name), `${name}\n`.repeat(2000));
  }
  running = await startApp(path.join(root, 'settings'), { HOME: home });
  const { page } = running;
  await page.getByLabel('Place for the copies').fill(path.join(home, 'Backup-2T/Enfold'));
  await button('Set up storage').click();
  await page.getByLabel('Folder on this computer').fill(path.join(home, 'Letters'));
  await button('Continue to encryption').click();
  await page.getByRole('radio', { name: /^Anyone with access/ }).click();
  await button('Continue to preview').click();
  await page.getByText('files go up').waitFor();
  await button('Start').click();
  await page.locator('.head-state').getByText('Up to date').waitFor(patient);
});
afterAll(async () => {
  await running?.close();
  removeScratch();
});

test('takes the pictures of a change of encryption and of keys', async () => {
  const { page } = running;
  await page.getByRole('tab', { name: 'Settings' }).click();
  await picture('17-folder-settings');
  await button('Pause').click();
  await button('Change…').click();
  await page.getByRole('radio', { name: /^Only me, and whoever/ }).click();
  await picture('18-change-encryption');
  await button('Continue to key').click();
  await button('Make key').click();
  await page.getByRole('checkbox').check();
  await button('Continue to preview').click();
  await page.getByText('fetched, encrypted anew').waitFor(patient);
  await picture('19-change-preview');
  await button('Begin').click();
  const panel = page.getByRole('region', { name: 'Encryption' });
  await panel.getByText('Paused with the folder').waitFor(patient);
  await picture('20-change-under-way');
  await panel.getByRole('button', { name: 'Resume' }).click();
  await panel.getByText('Every object is under the new mode').waitFor(patient);
  await button(/^Keys/).first().click();
  await page.getByRole('button', { name: /^Letters key/ }).click();
  await button('Replace…').click();
  await page.getByRole('dialog').getByText('get their data key wrapped anew').waitFor(patient);
  await picture('21-replace-key');
  await page.keyboard.press('Escape');
  expect(fs.existsSync(path.join(pictures, '21-replace-key-light.png'))).toBe(true);
}, 240_000);

test('takes the pictures of earlier times, the trash and what a bucket refuses', async () => {
  const { page } = running;
  const storage = path.join(home, 'Backup-2T/Enfold');
  await new S3Client({ endpoint: (await readEndpoint(storage))!, region: 'us-east-1', forcePathStyle: true, credentials: (await openAccessKeys(storage)).root }).send(new PutBucketVersioningCommand({ Bucket: 'enfold', VersioningConfiguration: { Status: 'Enabled' } }));
  const then = Math.floor(Date.now() / 1000) * 1000;
  await expect.poll(() => Date.now() > then + 1000, { timeout: 5000, interval: 50 }).toBe(true);
  await button(/^Folders/).first().click();
  await button('Letters').click();
  await button('Browse S3').click();
  await page.getByRole('row', { name: /^readme/ }).waitFor(patient);
  fs.writeFileSync(inFolder('Addresses.ods'), 'other words\n'.repeat(1000));
  fs.rmSync(inFolder('readme.txt'));
  await page.getByRole('row', { name: /^readme/ }).waitFor({ ...patient, state: 'detached' });
  await button('Earlier times…').click();
  await page.getByLabel('Date and time').fill(new Date(then - new Date(then).getTimezoneOffset() * 60_000).toISOString().slice(0, 19));
  await page.getByRole('row', { name: /^readme.*Deleted since/ }).click(patient);
  await picture('22-earlier-times');
  await button('Bring back…').click();
  await page.getByRole('dialog').getByText(/comes? back$/).waitFor(patient);
  await picture('23-bring-back');
  await page.keyboard.press('Escape');
  await page.getByRole('row', { name: /^Addresses.*Changed since/ }).click();
  await button('Bring back…').click();
  await page.getByRole('dialog').getByText(/comes? back$/).waitFor(patient);
  await page.getByRole('dialog').getByRole('button', { name: 'Bring back', exact: true }).click();
  await page.getByRole('status').filter({ hasText: /back, / }).waitFor(patient);
  await button(/^Folders/).first().click();
  await button('Letters').click();
  await page.getByRole('tab', { name: 'Trash' }).click();
  await page.getByRole('checkbox', { name: /Addresses/ }).check(patient);
  await picture('24-trash');
  await page.getByRole('tab', { name: 'Skipped' }).click();
  await page.getByLabel('A file or folder inside this one').fill('Addresses.ods');
  await button('Explain').click();
  await page.getByText('Next sync').waitFor(patient);
  await picture('25-why');
  await button('Storage').first().click();
  await page.getByRole('button', { name: /^Examine a bucket of/ }).click();
  await page.getByRole('dialog').getByText('Refuse others', { exact: true }).click();
  await button('Look at the policy').click();
  await page.getByText('PutBucketPolicy').waitFor(patient);
  await picture('26-refuse-others');
  await page.getByRole('dialog').getByText('As a template', { exact: true }).click();
  await button('Show template').click();
  await page.getByText('AWSTemplateFormatVersion').waitFor(patient);
  await picture('27-template');
  expect(fs.existsSync(path.join(pictures, '27-template-light.png'))).toBe(true);
}, 240_000);
