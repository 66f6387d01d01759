/** What the shell promises about the window whatever it shows: sandbox, isolation, policy, no way out. */
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { removeScratch, scratchDirectory, startApp, type RunningApp } from './enfold-app.ts';

let running: RunningApp;
const violations = (): Promise<string[]> => running.page.evaluate(() => (window as unknown as { violations: string[] }).violations.splice(0));

/** Process ids by the name they were started with. */
const processes = (name: string): Promise<number[]> => running.app.evaluate(({ app }, wanted) => app.getAppMetrics().filter((one) => one.name === wanted).map((one) => one.pid), name);
const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

beforeAll(async () => {
  running = await startApp(path.join(scratchDirectory('shell'), 'home'));
  await running.page.getByRole('heading').or(running.page.getByRole('alert')).or(running.page.getByRole('status')).first().waitFor();
  await running.page.evaluate(() => {
    const seen: string[] = [];
    Object.assign(window, { violations: seen });
    document.addEventListener('securitypolicyviolation', (event) => seen.push(event.effectiveDirective));
  });
});
afterAll(async () => {
  await running?.close();
  removeScratch();
});

test('runs from an origin of its own in a sandboxed, isolated page without Node', async () => {
  expect(await running.page.evaluate(() => [location.href, typeof (globalThis as Record<string, unknown>).require, typeof (globalThis as Record<string, unknown>).process, Object.keys(window.enfold).sort()])).toEqual([
    'app://enfold/index.html', 'undefined', 'undefined', ['on', 'pathsOf', 'request'],
  ]);
  const preferences = await running.app.evaluate(({ BrowserWindow }) => {
    const contents = BrowserWindow.getAllWindows()[0]?.webContents as unknown as { getLastWebPreferences: () => Record<string, unknown> };
    const { sandbox, contextIsolation, nodeIntegration, webSecurity, webviewTag } = contents.getLastWebPreferences();
    return { sandbox, contextIsolation, nodeIntegration, webSecurity, webviewTag };
  });
  expect(preferences).toEqual({ sandbox: true, contextIsolation: true, nodeIntegration: false, webSecurity: true, webviewTag: false });
});

test('shows itself without breaking its own content security policy', async () => {
  const messages: string[] = [];
  running.page.on('console', (message) => { if (message.type() === 'error') messages.push(message.text()); });
  await running.page.reload();
  await running.page.getByRole('heading').or(running.page.getByRole('alert')).or(running.page.getByRole('status')).first().waitFor();
  expect(await running.page.evaluate(() => getComputedStyle(document.body).fontFamily)).toContain('Atkinson Next');
  expect(await running.page.evaluate(() => getComputedStyle(document.documentElement).getPropertyValue('--mantine-color-body').trim())).not.toBe('');
  expect(messages.filter((message) => /content security policy|refused/i.test(message))).toEqual([]);
  await running.page.evaluate(() => {
    const seen: string[] = [];
    Object.assign(window, { violations: seen });
    document.addEventListener('securitypolicyviolation', (event) => seen.push(event.effectiveDirective));
  });
});

test('blocks inline scripts, eval, inline styles, requests and frames', async () => {
  const outcome = await running.page.evaluate(async () => {
    const marks = window as unknown as { inline?: boolean };
    const script = document.createElement('script');
    script.textContent = 'window.inline = true';
    document.body.append(script);
    const style = document.createElement('style');
    style.textContent = 'body { --injected: 1 }';
    document.head.append(style);
    const frame = document.createElement('iframe');
    frame.src = 'https://example.com/';
    document.body.append(frame);
    // In a task of its own: what the test runs directly is exempt from the policy.
    const evaluated = await new Promise<string>((resolve) => setTimeout(() => {
      try {
        // oxlint-disable-next-line no-eval -- that it cannot run is the point
        resolve(`ran ${String((0, eval)('1'))}`);
      } catch {
        resolve('blocked');
      }
    }));
    const fetched = await fetch('https://example.com/').then(() => 'fetched', () => 'blocked');
    await new Promise((resolve) => setTimeout(resolve, 100));
    const injected = getComputedStyle(document.body).getPropertyValue('--injected');
    for (const element of [script, style, frame]) element.remove();
    return { inline: marks.inline ?? false, evaluated, fetched, injected };
  });
  expect(outcome).toEqual({ inline: false, evaluated: 'blocked', fetched: 'blocked', injected: '' });
  expect(new Set(await violations())).toEqual(new Set(['script-src-elem', 'script-src', 'style-src-elem', 'connect-src', 'frame-src']));
});

test('a crashed engine is said to be down, is started again, and answers', async () => {
  await running.page.getByRole('button', { name: 'Look around first' }).click();
  const [before] = await processes('Enfold engine');
  process.kill(before!, 'SIGKILL');
  await running.page.getByText('The engine stopped and is being started again. Nothing was lost.').waitFor();
  await running.page.getByText('The engine stopped and is being started again. Nothing was lost.').waitFor({ state: 'detached', timeout: 30_000 });
  expect(await running.page.evaluate(() => window.enfold.request('folders.list', undefined))).toEqual({ ok: true, value: [] });
  expect(await processes('Enfold engine')).not.toContain(before);
});

// After this one Playwright waits for ever for the navigation that was denied: only evaluate() may follow.
test('goes nowhere else and opens no second window', async () => {
  const before = running.page.url();
  await running.page.evaluate(() => {
    window.open('https://example.com/');
    const link = document.createElement('a');
    link.href = 'https://example.com/';
    document.body.append(link);
    link.click();
    link.remove();
  });
  await running.page.evaluate(() => void (location.href = 'https://example.com/')).catch(() => undefined);
  await running.page.waitForTimeout(300);
  expect(running.page.url()).toBe(before);
  expect(await running.app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows().length)).toBe(1);
});

test('is given no permission', async () => {
  expect(await running.page.evaluate(async () => [await Notification.requestPermission(), await navigator.permissions.query({ name: 'geolocation' }).then((one) => one.state)])).toEqual(['denied', 'denied']);
});

test('serves nothing but the built window', async () => {
  const statuses = await running.app.evaluate(async ({ net, session }, urls) => {
    const answers: number[] = [];
    for (const url of urls) answers.push((await session.defaultSession.fetch(url).catch(() => net.fetch('data:,'))).status);
    return answers;
  }, ['app://enfold/index.html', 'app://enfold/..%2Fmain%2Findex.js', 'app://enfold/%2e%2e/main/index.js', 'app://enfold/../../package.json', 'app://other/index.html', 'app://enfold/none.js']);
  expect(statuses).toEqual([200, 404, 404, 404, 404, 404]);
});

test('answers malformed and unknown requests with an error, never with a crash', async () => {
  const codes = await running.page.evaluate(async () => {
    const { request } = window.enfold as unknown as { request: (name: unknown, input?: unknown) => Promise<{ ok: boolean; error?: { code: string } }> };
    const all = [request('nothing.such'), request('__proto__'), request(7), request('host.chooseFolder', { title: 5 }), request('folders.add', { localPath: 'relative' }), request('browse.open', { folderId: 'ab'.repeat(8), directory: '../up/', isDeep: false }), request('host.revealLocal', { folderId: 'ab'.repeat(8), path: '/etc/passwd' })];
    return (await Promise.all(all)).map((answer) => answer.error?.code);
  });
  expect(codes).toEqual(Array.from({ length: 7 }, () => 'bad-usage'));
});

test('a second start brings the first window to the front instead of opening another', async () => {
  const home = running.home;
  await expect(startApp(home)).rejects.toThrow(/closed|exited|failed/i);
  expect(await running.app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows().length)).toBe(1);
});

test('quitting ends every process it started', async () => {
  const own = await running.app.evaluate(({ app }) => app.getAppMetrics().map((one) => one.pid));
  expect(own.length).toBeGreaterThan(2);
  await running.close();
  await expect.poll(() => own.filter(isAlive)).toEqual([]);
});

test('without a system keychain it asks for a passphrase for a key file, and for the same one at the next start', async () => {
  const home = path.join(scratchDirectory('keyfile'), 'home');
  running = await startApp(home, { ENFOLD_KEYCHAIN: 'file' });
  await running.page.getByRole('button', { name: 'Look around first' }).click();
  await running.page.getByRole('button', { name: 'Keys' }).click();
  await running.page.getByRole('button', { name: 'New key' }).click();
  await running.page.getByLabel('Name').fill('made under a passphrase');
  await running.page.getByRole('button', { name: 'Make key' }).click();
  const choose = running.page.getByRole('dialog', { name: 'Choose a passphrase for your keys' });
  await choose.getByLabel('Passphrase for the file').fill('a long enough passphrase');
  await choose.getByLabel('Again').fill('a long enough passphrase');
  await choose.getByRole('button', { name: 'Use this passphrase' }).click();
  await choose.waitFor({ state: 'detached' });
  await running.page.getByRole('button', { name: 'Make key' }).click();
  await running.page.getByRole('button', { name: /^made under a passphrase/ }).waitFor();
  await running.close();

  running = await startApp(home, { ENFOLD_KEYCHAIN: 'file' });
  const unlock = running.page.getByRole('dialog', { name: 'Unlock your keys' });
  await unlock.getByRole('textbox', { name: 'Passphrase' }).fill('not the right passphrase');
  await unlock.getByRole('button', { name: 'Unlock' }).click();
  await unlock.getByText('The passphrase does not open the key file.').waitFor();
  await unlock.getByRole('textbox', { name: 'Passphrase' }).fill('a long enough passphrase');
  await unlock.getByRole('button', { name: 'Unlock' }).click();
  await unlock.waitFor({ state: 'detached' });
  expect(await running.page.evaluate(() => window.enfold.request('keychain.state', undefined))).toEqual({ ok: true, value: { backend: 'file', state: 'ready' } });
});
