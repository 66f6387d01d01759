/** Every view of the window in every state, light and dark and at every size, in real Electron but without an engine. */
import { createRequire } from 'node:module';
import fs from 'node:fs';
import path from 'node:path';
import { _electron, type ElectronApplication, type Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { serveScenes } from '../renderer/serve.ts';
import type { Scene } from '../renderer/fake-bridge.ts';

const axe = fs.readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const results = path.resolve('test-results/views');
let app: ElectronApplication, page: Page, scenes: Awaited<ReturnType<typeof serveScenes>>, url: string;

beforeAll(async () => {
  fs.mkdirSync(results, { recursive: true });
  scenes = await serveScenes();
  ({ url } = scenes);
  app = await _electron.launch({ chromiumSandbox: process.getuid?.() !== 0, args: ['test/renderer/host.mjs', `--page=${url}`], env: { ...process.env } as Record<string, string> });
  page = await app.firstWindow();
  await page.getByRole('heading', { level: 1 }).waitFor({ timeout: 60_000 });
});
afterAll(async () => {
  await app?.close();
  await scenes?.close();
});

const button = (name: string | RegExp) => page.getByRole('button', { name }).first();
const tab = (name: string) => page.getByRole('tab', { name: new RegExp(`^${name}`) });
const radio = (name: RegExp) => page.getByRole('radio', { name });
const openFolder = async (name: string): Promise<void> => {
  await button(/^Folders/).click();
  await page.getByRole('button', { name, exact: true }).click();
};
const toWizardStep = async (step: 'folder' | 'who' | 'key' | 'start'): Promise<void> => {
  await button('Add folder').click();
  await button('Continue to folder').click();
  await page.getByLabel('Folder on this computer').fill('/home/ines/Documents/House');
  if (step === 'folder') return;
  await button('Continue to encryption').click();
  await page.getByRole('heading', { level: 1 }).waitFor();
  if (step === 'who') return;
  await button('Continue to key').click();
  if (step === 'key') return;
  await button('Make key').click();
  await page.getByRole('checkbox').check();
  await button('Continue to preview').click();
  await page.getByText('files go up').waitFor();
};

const VIEWS: { name: string; scene: Scene; steps: () => Promise<unknown> }[] = [
  { name: 'home', scene: 'full', steps: async () => undefined },
  { name: 'home-calm', scene: 'calm', steps: async () => undefined },
  { name: 'folders', scene: 'full', steps: () => button(/^Folders/).click() },
  { name: 'folders-empty', scene: 'empty', steps: () => button(/^Folders/).click() },
  { name: 'folder', scene: 'full', steps: () => openFolder('Photos') },
  { name: 'folder-problem', scene: 'full', steps: () => openFolder('Website exports') },
  { name: 'folder-activity', scene: 'full', steps: async () => { await openFolder('Documents'); await tab('Activity').click(); await page.getByText('Room schedule.ods').waitFor(); } },
  { name: 'folder-skipped', scene: 'full', steps: async () => { await openFolder('Documents'); await tab('Skipped').click(); await page.getByText('scan-archive').waitFor(); await page.getByLabel('A file or folder inside this one').fill('Room schedule.tmp'); await button('Explain').click(); await page.getByText('*.tmp in .enfoldignore').waitFor(); } },
  { name: 'folder-settings', scene: 'full', steps: async () => { await openFolder('Documents'); await tab('Settings').click(); } },
  { name: 'folder-changing', scene: 'full', steps: async () => { await openFolder('Camera cards'); await page.getByText('One object could not be changed').click(); } },
  { name: 'change-cost', scene: 'full', steps: async () => { await openFolder('Documents'); await tab('Settings').click(); await button('Change…').click(); await radio(/^Anyone with access/).click(); await button('Continue to preview').click(); await page.getByText('fetched, encrypted anew').waitFor(); } },
  { name: 'keys-rotate', scene: 'full', steps: async () => { await button(/^Keys/).click(); await button(/^Documents key/).click(); await button('Replace…').click(); await page.getByText('Photos: 4').waitFor(); } },
  { name: 'folder-trash', scene: 'full', steps: async () => { await openFolder('Documents'); await tab('Trash').click(); await page.getByRole('checkbox', { name: /draft-2/ }).check(); } },
  { name: 'past', scene: 'full', steps: async () => { await openFolder('Documents'); await button('Browse S3').click(); await button('Earlier times…').click(); await page.getByText('Deleted since').first().click(); } },
  { name: 'past-restore', scene: 'full', steps: async () => { await openFolder('Documents'); await button('Browse S3').click(); await button('Earlier times…').click(); await page.getByText('Changed since').first().waitFor(); await button('Bring all of it back…').click(); await radio(/^To another folder/).click(); await page.getByText('12 files').waitFor(); } },
  { name: 'folder-remove', scene: 'full', steps: async () => { await openFolder('Documents'); await tab('Settings').click(); await button('Remove folder…').click(); await page.getByRole('dialog').waitFor(); } },
  { name: 'held-delete', scene: 'full', steps: async () => { await button('Look at the 38 files').click(); await page.getByRole('dialog').waitFor(); } },
  { name: 'browse', scene: 'full', steps: async () => { await openFolder('Documents'); await button('Browse S3').click(); await page.getByText('House', { exact: true }).dblclick(); await page.getByText('Ground floor rev C.pdf').click(); } },
  { name: 'browse-many', scene: 'full', steps: async () => { await openFolder('Documents'); await button('Browse S3').click(); await page.getByText('House', { exact: true }).dblclick(); await page.getByText('First floor rev C.pdf').click(); await page.getByText('Heat pump data sheet.pdf').click({ modifiers: ['Shift'] }); await page.keyboard.press('Delete'); await page.getByRole('button', { name: 'Undo' }).waitFor(); } },
  { name: 'browse-versions', scene: 'full', steps: async () => { await openFolder('Documents'); await button('Browse S3').click(); await page.getByText('House', { exact: true }).dblclick(); await page.getByText('Ground floor rev C.pdf').click(); await page.getByText('Versions', { exact: true }).click(); await page.getByText('Deleted').waitFor(); } },
  { name: 'browse-explain', scene: 'full', steps: async () => { await openFolder('Documents'); await button('Browse S3').click(); await page.getByText('House', { exact: true }).dblclick(); await page.getByText('Ground floor rev C.pdf').click(); await page.getByText('Read it elsewhere', { exact: true }).click(); await page.getByText('builderV4').waitFor(); } },
  { name: 'browse-preview', scene: 'full', steps: async () => { await openFolder('Documents'); await button('Browse S3').click(); await page.getByText('House', { exact: true }).dblclick(); await page.getByText('Minutes 001.md').click(); await page.keyboard.press('Space'); await page.getByText('The beam above').waitFor(); } },
  { name: 'browse-pick', scene: 'full', steps: () => button('Browse').click() },
  { name: 'folder-people', scene: 'full', steps: async () => { await openFolder('Documents'); await tab('Settings').click(); await button('Remove Jonas').click(); await page.getByRole('dialog').waitFor(); } },
  { name: 'folder-invite', scene: 'full', steps: async () => { await openFolder('Documents'); await tab('Settings').click(); await button('Invite…').click(); await page.getByRole('dialog').waitFor(); } },
  { name: 'folders-join', scene: 'full', steps: async () => { await button(/^Folders/).click(); await button('Join a folder…').click(); await page.getByText('Compare this by telephone').waitFor(); } },
  { name: 'keys', scene: 'full', steps: async () => { await button(/^Keys/).click(); await button(/^Tax vault/).click(); } },
  { name: 'keys-import', scene: 'full', steps: async () => { await button(/^Keys/).click(); await button('Import a key…').click(); await page.getByRole('dialog').waitFor(); } },
  { name: 'storage', scene: 'full', steps: async () => { await button('Storage').click(); await page.getByText('What it can do: Documents').click(); await page.getByText('Keeps old versions.').waitFor(); await button('Test Amazon S3 (ines)').click(); await page.getByRole('alert').waitFor(); } },
  { name: 'storage-owner', scene: 'full', steps: async () => { await button('Storage').click(); await button('Address and keys of Storage on my disk').click(); await page.getByText('Not written down yet').waitFor(); } },
  { name: 'storage-add', scene: 'full', steps: async () => { await button('Storage').click(); await button('Add storage').click(); await radio(/^On another S3 server/).click(); } },
  { name: 'storage-bucket', scene: 'full', steps: async () => { await button('Storage').click(); await button('Examine a bucket of Amazon S3 (ines)').click(); await page.getByRole('dialog').getByRole('button', { name: 'Examine' }).click(); await page.getByText('keeps no old versions').waitFor(); } },
  { name: 'storage-bucket-fix', scene: 'full', steps: async () => { await button('Storage').click(); await button('Examine a bucket of Amazon S3 (ines)').click(); await page.getByRole('dialog').getByRole('button', { name: 'Examine' }).click(); await button('Look: Turn on').click(); await page.getByText('PutBucketVersioning').waitFor(); } },
  { name: 'storage-bucket-policy', scene: 'full', steps: async () => { await button('Storage').click(); await button('Examine a bucket of Amazon S3 (ines)').click(); await page.getByRole('dialog').getByText('Refuse others', { exact: true }).click(); await button('Try it').click(); await page.getByText('Not proved').waitFor(); await button('Look at the policy').click(); await page.getByText('PutBucketPolicy').waitFor(); } },
  { name: 'storage-bucket-template', scene: 'full', steps: async () => { await button('Storage').click(); await button('Examine a bucket of Amazon S3 (ines)').click(); await page.getByRole('dialog').getByText('As a template', { exact: true }).click(); await button('Show template').click(); await page.getByText('AWSTemplateFormatVersion').waitFor(); } },
  { name: 'storage-bucket-scan', scene: 'full', steps: async () => { await button('Storage').click(); await button('Examine a bucket of Amazon S3 (ines)').click(); await page.getByRole('dialog').getByText('Objects', { exact: true }).click(); await button('Look at every object').click(); await page.getByText('documents/notes.txt').waitFor(); } },
  { name: 'activity', scene: 'full', steps: async () => { await button('Activity').click(); await page.getByText('Room schedule.ods').first().waitFor(); } },
  { name: 'settings', scene: 'full', steps: async () => { await button('Settings').click(); await page.getByText('Lock after').waitFor(); } },
  { name: 'locked', scene: 'locked', steps: () => page.getByText('Enfold is locked').waitFor() },
  { name: 'find', scene: 'full', steps: async () => { await page.keyboard.press('Control+k'); await page.getByRole('combobox').fill('doc'); await page.getByRole('option', { name: /^Browse Documents/ }).waitFor(); } },
  { name: 'two-versions', scene: 'full', steps: async () => { await openFolder('Documents'); await tab('Two versions').click(); await button(/^Compare the two versions of Quote/).click(); await page.locator('.differs').first().waitFor(); } },
  { name: 'keychain-passphrase', scene: 'passphrase', steps: () => page.getByRole('dialog').waitFor() },
  { name: 'first-run', scene: 'first-run', steps: () => page.getByText('Set up storage').waitFor() },
  { name: 'first-run-kit', scene: 'first-run', steps: async () => { await radio(/^I have a recovery kit/).click(); await page.getByLabel(/of 24 words/).fill('abandon '.repeat(24)); await button('Take the key back').click(); await page.getByText('House', { exact: true }).waitFor(); } },
  { name: 'first-run-aws', scene: 'first-run', steps: () => radio(/^In Amazon S3/).click() },
  { name: 'first-run-sso', scene: 'first-run', steps: async () => { await radio(/^In Amazon S3/).click(); await page.getByRole('combobox', { name: 'Profile from ~/.aws' }).fill('work'); await page.keyboard.press('Tab'); await button('Set up storage').click(); await page.getByText('aws sso login --profile work').waitFor(); } },
  { name: 'wizard-place', scene: 'full', steps: () => button('Add folder').click() },
  { name: 'wizard-folder', scene: 'full', steps: () => toWizardStep('folder') },
  { name: 'wizard-rights', scene: 'full', steps: async () => { await button('Add folder').click(); await radio(/^Amazon S3 \(ines\)/).click(); await button('Continue to folder').click(); await page.getByRole('combobox', { name: 'Bucket' }).fill('ines-archive'); await page.keyboard.press('Tab'); await button('Test what this sign-in may do').click(); await page.getByText('s3:DeleteObject').waitFor(); } },
  { name: 'keys-import-secret', scene: 'full', steps: async () => { await button(/^Keys/).click(); await button('Import a key…').click(); await page.getByText('AWS Secrets Manager').click(); await page.getByLabel('Name or ARN of the secret').fill('team/photos'); } },
  { name: 'wizard-who', scene: 'full', steps: () => toWizardStep('who') },
  { name: 'wizard-who-s3', scene: 'full', steps: async () => { await toWizardStep('who'); await radio(/^Anyone with access/).click(); } },
  { name: 'wizard-who-kms', scene: 'blocked', steps: async () => { await toWizardStep('who'); await radio(/^People I allow on a KMS key.*SSE/).click(); await page.getByText('What is sent, and the same').click(); } },
  { name: 'wizard-kms', scene: 'full', steps: async () => { await toWizardStep('who'); await radio(/^People I allow on a KMS key.*CSE/).click(); await button('Continue to key').click(); await radio(/^alias.atelier/).click(); } },
  { name: 'wizard-key', scene: 'full', steps: () => toWizardStep('key') },
  { name: 'wizard-key-made', scene: 'full', steps: async () => { await toWizardStep('key'); await button('Make key').click(); await page.getByText('Recovery file', { exact: true }).waitFor(); } },
  { name: 'wizard-start', scene: 'full', steps: () => toWizardStep('start') },
  { name: 'wizard-join', scene: 'join', steps: () => toWizardStep('who') },
  { name: 'wizard-join-key', scene: 'join', steps: () => toWizardStep('key') },
];

async function show(scene: Scene): Promise<void> {
  await page.emulateMedia({ colorScheme: 'light', reducedMotion: 'reduce' });
  await page.setViewportSize({ width: 1280, height: 800 });
  await page.goto(`${url}?scene=${scene}`);
  await page.getByRole('heading', { level: 1 }).first().waitFor();
}

/** Named views only, and pictures of them for looking at: `ENFOLD_VIEWS=home,browse`. */
const only = process.env.ENFOLD_VIEWS?.split(',');
const chosen = VIEWS.filter((view) => only === undefined || only.includes(view.name));
const picture = async (name: string): Promise<unknown> => only !== undefined && page.screenshot({ path: path.join(results, `${name}.png`) });

/** What axe finds, by all its rules. */
async function faultsOf(): Promise<string[]> {
  return page.evaluate(async () => {
    const { violations } = await (globalThis as unknown as { axe: { run: (root: Document) => Promise<{ violations: { id: string; nodes: { target: unknown; failureSummary?: string }[] }[] }> } }).axe.run(document);
    return violations.flatMap((fault) => fault.nodes.map((node) => `${fault.id}: ${JSON.stringify(node.target)} ${node.failureSummary?.split('\n')[1] ?? ''}`));
  });
}

/** The document itself never scrolls, and everything that can be used can be brought into sight. */
async function outOfReach(): Promise<string[]> {
  return page.evaluate(() => {
    const found = [document.documentElement.scrollWidth > innerWidth ? ['the page is too wide'] : [], document.documentElement.scrollHeight > innerHeight ? ['the page is too high'] : []].flat();
    const dialog = document.querySelector('[role="dialog"]');
    for (const element of (dialog ?? document).querySelectorAll<HTMLElement>('button, input, textarea, summary, a, [role="radio"], [role="tab"], [role="grid"], [role="combobox"]')) {
      if (!element.checkVisibility({ visibilityProperty: true, opacityProperty: true }) || element.closest('.only-heard') !== null) continue;
      element.scrollIntoView({ block: 'nearest', inline: 'nearest' });
      const { left, right, top, bottom, width, height } = element.getBoundingClientRect();
      if (width * height <= 1) continue;
      const sees = left >= -1 && right <= innerWidth + 1 && (height > innerHeight || (top >= -1 && bottom <= innerHeight + 1));
      if (!sees) found.push(`${element.getAttribute('aria-label') ?? element.textContent.slice(0, 40)}: ${Math.round(left)} to ${Math.round(right)}, ${Math.round(top)} to ${Math.round(bottom)}`);
    }
    return found;
  });
}

/**
 * Walks the view, or the dialog on it, with Tab and back with Shift+Tab, as somebody without a mouse does. Tells what cannot be reached,
 * where focus is not seen, and what lets nobody out again.
 */
async function keyboardFaults(): Promise<string[]> {
  await page.evaluate(() => {
    const name = (element: Element): string => `${element.tagName.toLowerCase()} ${element.getAttribute('aria-label') ?? element.textContent.slice(0, 40)}`;
    const rings = (element: Element): boolean => {
      const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(element);
      return (outlineStyle !== 'none' && Number.parseFloat(outlineWidth) >= 1) || boxShadow.includes('1px') || boxShadow.includes('2px');
    };
    const walk = { visited: [] as Element[], dark: [] as string[] };
    Object.assign(window, { walk, walkName: name });
    document.addEventListener('focusin', ({ target }) => {
      const element = target as Element;
      walk.visited.push(element);
      // A field's frame glows for what stands in it, and a list for its current row.
      const seen = [element, element.closest('.field-input, .find'), element.querySelector('.at, .sel')].some((one) => one !== null && rings(one));
      if (!seen) walk.dark.push(name(element));
    });
  });
  const round = async (key: string): Promise<boolean> => {
    await page.evaluate(() => void (window as unknown as { walk: { visited: Element[] } }).walk.visited.splice(0));
    for (let presses = 0; presses < 12; presses += 1) {
      for (let press = 0; press < 12; press += 1) await page.keyboard.press(key);
      const isRound = await page.evaluate(() => {
        const { visited } = (window as unknown as { walk: { visited: Element[] } }).walk;
        // The only thing there is has the keyboard all the time.
        if (visited.length === 0 && document.activeElement !== document.body && document.activeElement !== null) visited.push(document.activeElement, document.activeElement);
        return new Set(visited).size < visited.length;
      });
      if (isRound) return true;
    }
    return false;
  };
  const missed = (key: string): Promise<string[]> => page.evaluate((by) => {
    const { walk, walkName } = window as unknown as { walk: { visited: Element[] }; walkName: (element: Element) => string };
    const scope = document.querySelector('[role="dialog"]') ?? document;
    const usable = [...scope.querySelectorAll<HTMLElement>('a[href], button, input, textarea, summary, [tabindex]')].filter((one) => one.tabIndex >= 0 && !one.matches(':disabled, [type="hidden"]') && one.checkVisibility({ visibilityProperty: true }) && one.closest('details:not([open]) > :not(summary), [aria-hidden="true"], [inert]') === null);
    // Of a group of native radio buttons, Tab goes to the chosen one.
    return usable.filter((one) => !walk.visited.includes(one) && !(one instanceof HTMLInputElement && one.type === 'radio')).map((one) => `${by} does not reach ${walkName(one)}`);
  }, key);
  const faults: string[] = [];
  // Backwards where something might hold on to the keyboard.
  const mayHold = (await page.locator('[role="dialog"], [role="grid"]').count()) > 0;
  for (const key of mayHold ? ['Tab', 'Shift+Tab'] : ['Tab']) {
    if (!(await round(key))) faults.push(`${key} does not come round`);
    faults.push(...(await missed(key)));
  }
  return [...faults, ...(await page.evaluate(() => [...new Set((window as unknown as { walk: { dark: string[] } }).walk.dark)].map((name) => `focus is not seen on ${name}`)))];
}

/** What is walked with Tab: a view of every kind; the others are made of the same parts. */
const WALKED = new Set([
  'home', 'home-calm', 'folders', 'folders-empty', 'folder', 'folder-activity', 'folder-settings', 'folder-remove', 'folder-invite', 'held-delete', 'browse', 'browse-preview', 'browse-pick', 'keys', 'keys-import', 'storage', 'storage-add', 'storage-bucket', 'activity', 'settings',
  'locked', 'find', 'two-versions', 'first-run', 'wizard-place', 'wizard-folder', 'wizard-who', 'wizard-key', 'wizard-kms', 'wizard-start',
]);

/** Escape closes a dialog, and whoever opened it has the keyboard again. */
async function leaveDialog(): Promise<void> {
  if ((await page.getByRole('dialog').count()) === 0) return;
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  await expect.poll(() => page.evaluate(() => document.activeElement?.tagName ?? ''), { message: 'where the keyboard is after a dialog', timeout: 10_000 }).not.toBe('BODY');
}

/** The last two are 1280 x 800 and 1920 x 1080 at 200 % zoom. */
const SIZES = [[1920, 1080], [1024, 700], [960, 540], [640, 400]] as const;
test.each(chosen)('$name has no accessibility fault in either scheme and fits every window size, with the mouse or without', async ({ name, scene, steps }) => {
  await show(scene);
  await steps();
  await page.mouse.move(2, 2);
  await page.evaluate(() => document.fonts.ready.then(() => undefined));
  await page.waitForFunction(() => document.getAnimations().every((one) => one.playState !== 'running' || one.effect?.getComputedTiming().iterations === Infinity));
  await picture(`${name}-light`);
  await page.evaluate(axe);
  expect(await faultsOf()).toEqual([]);
  await page.emulateMedia({ colorScheme: 'dark' });
  await page.waitForFunction(() => document.documentElement.dataset.mantineColorScheme === 'dark');
  await picture(`${name}-dark`);
  expect(await faultsOf()).toEqual([]);
  for (const [width, height] of SIZES) {
    await page.setViewportSize({ width, height });
    expect.soft(await outOfReach(), `${width} x ${height}`).toEqual([]);
    await picture(`${name}-${width}`);
  }
  await page.setViewportSize({ width: 1280, height: 800 });
  expect(WALKED.has(name) ? await keyboardFaults() : []).toEqual([]);
  if (WALKED.has(name)) await leaveDialog();
});

test('a mode is chosen and the wizard walked with the keyboard alone', async () => {
  await show('full');
  await button('Add folder').focus();
  await page.keyboard.press('Enter');
  await radio(/^Storage on my disk/).focus();
  await page.keyboard.press('ArrowDown');
  await expect.poll(() => radio(/^Amazon S3 \(ines\)/).isChecked()).toBe(true);
  await page.keyboard.press('ArrowUp');
  await button('Continue to folder').focus();
  await page.keyboard.press('Enter');
  await page.getByLabel('Folder on this computer').fill('/home/ines/Documents/House');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Who may read this?' }).waitFor();
  await radio(/^Only me/).focus();
  for (let press = 0; press < 5; press += 1) await page.keyboard.press('ArrowDown');
  await expect.poll(() => radio(/^Anyone with access/).isChecked()).toBe(true);
  await page.keyboard.press('Escape');
  await page.getByRole('heading', { name: 'Three things need you.' }).waitFor();
});

test('the file list is walked, opened and left with the keyboard', async () => {
  await show('full');
  await openFolder('Documents');
  await button('Browse S3').click();
  await page.getByRole('grid').focus();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await page.getByText('Ground floor rev C.pdf').waitFor();
  await page.getByRole('grid').focus();
  await page.keyboard.press('End');
  await page.getByRole('complementary', { name: /^Details of/ }).waitFor();
  expect(await page.getByRole('row', { selected: true }).textContent()).toContain('survey-points.zip');
  await page.keyboard.press('Escape');
  await page.keyboard.press('Control+f');
  await page.keyboard.type('facade');
  await expect.poll(() => page.getByRole('row').count()).toBe(1);
  await page.keyboard.press('Alt+ArrowUp');
  await page.getByRole('heading', { name: 'House' }).waitFor();
  await page.keyboard.press('Alt+ArrowUp');
  await page.getByRole('row', { name: 'House' }).waitFor();
});
