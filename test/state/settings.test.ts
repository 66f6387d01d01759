import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { isSyncError } from '../../main/model/errors.ts';
import type { KeyId } from '../../main/model/mode.ts';
import type { ConnectionSettings, FolderSettings, KeySettings } from '../../main/model/settings.ts';
import { enfoldHome, enfoldHomePath } from '../../main/state/home.ts';
import { openSettings, type SettingsStore } from '../../main/state/settings.ts';

let base: string;
let home: string;
let settings: SettingsStore;
beforeEach(() => {
  base = realpathSync(mkdtempSync(join(tmpdir(), 'enfold-settings-')));
  home = enfoldHome({ ENFOLD_HOME: join(base, 'home') });
  settings = openSettings(home);
});
afterEach(() => {
  settings.close();
  rmSync(base, { recursive: true, force: true });
});

const KEY_ID = '0123456789abcdef' as KeyId;
const connection = (name: string, changes: Partial<ConnectionSettings> = {}): ConnectionSettings => ({
  id: `id of ${name}`, name, kind: 's3', directory: null, endpoint: `https://${name}.example.invalid`, region: 'us-east-1', pathStyle: null,
  credentials: { type: 'environment' }, ...changes,
});
const key = (name: string, keyId = KEY_ID): KeySettings => ({ keyId, name, type: 'aes', createdAtMs: 1, backend: 'file', exportedAtMs: null });
let made = 0;
function folder(localPath: string, changes: Partial<FolderSettings> = {}): FolderSettings {
  made += 1;
  return {
    id: made.toString(16).padStart(32, '0'), name: `folder ${made}`, localPath: join(base, localPath), connectionId: 'id of a', bucket: `bucket-${made}`, prefix: '',
    mode: { id: 'sse-s3' }, names: 'readable', direction: 'two-way', isPaused: false, addedAtMs: 1, ...changes,
  };
}
function codeOf(body: () => unknown): string {
  try {
    body();
  } catch (error) {
    return isSyncError(error) ? error.code : String(error);
  }
  return 'no error';
}

describe('connections and keys', () => {
  test('are added, found, changed and removed', () => {
    settings.addConnection(connection('a'));
    settings.addKey(key('mine'));
    expect(settings.connectionNamed('a')).toEqual(connection('a'));
    settings.updateConnection({ ...connection('a'), region: 'eu-west-1' });
    expect(settings.connection('id of a')?.region).toBe('eu-west-1');
    settings.updateKey({ ...key('mine'), name: 'yours', exportedAtMs: 5 });
    expect(settings.keys()).toEqual([{ ...key('mine'), name: 'yours', exportedAtMs: 5 }]);
    expect(settings.keyNamed('mine')).toBeNull();
    settings.removeConnection('id of a');
    settings.removeKey(KEY_ID);
    expect([settings.connections(), settings.keys()]).toEqual([[], []]);
  });

  test('have names that nothing else of their kind has, in any case', () => {
    settings.addConnection(connection('a'));
    settings.addConnection(connection('b'));
    expect(codeOf(() => settings.addConnection({ ...connection('A'), id: 'x' }))).toBe('name-taken');
    expect(codeOf(() => settings.updateConnection({ ...connection('b'), name: 'a' }))).toBe('name-taken');
    settings.addKey(key('k'));
    expect(codeOf(() => settings.addKey(key('k', 'ffffffffffffffff' as KeyId)))).toBe('key-name-taken');
    expect(codeOf(() => settings.addKey(key('again')))).toBe('key-name-taken');
    expect(settings.connections().map((one) => one.name)).toEqual(['a', 'b']);
  });

  test('that are not there are named as missing', () => {
    expect(codeOf(() => settings.updateConnection(connection('x')))).toBe('no-such-connection');
    expect(codeOf(() => settings.removeConnection('x'))).toBe('no-such-connection');
    expect(codeOf(() => settings.removeKey(KEY_ID))).toBe('key-not-found');
    expect(codeOf(() => settings.removeFolder('x'))).toBe('no-such-folder');
    expect(codeOf(() => settings.addFolder(folder('f')))).toBe('no-such-connection');
  });

  test('stay while a folder needs them', () => {
    settings.addConnection(connection('a'));
    settings.addKey(key('k'));
    expect(codeOf(() => settings.addFolder(folder('f', { mode: { id: 'cse-c', keyId: 'eeeeeeeeeeeeeeee' as KeyId, keyType: 'aes', format: 'v3' } })))).toBe('key-not-found');
    const added = settings.addFolder(folder('f', { mode: { id: 'cse-c', keyId: KEY_ID, keyType: 'aes', format: 'v3' } }));
    expect(codeOf(() => settings.removeConnection('id of a'))).toBe('connection-in-use');
    expect(codeOf(() => settings.removeKey(KEY_ID))).toBe('key-in-use');
    settings.removeFolder(added.id);
    settings.removeConnection('id of a');
    settings.removeKey(KEY_ID);
  });
});

describe('folders', () => {
  beforeEach(() => {
    settings.addConnection(connection('a'));
    settings.addConnection(connection('same place as a', { endpoint: 'https://A.example.invalid/' }));
    settings.addConnection(connection('b'));
  });

  test('are kept with their real path', () => {
    mkdirSync(join(base, 'real'));
    symlinkSync(join(base, 'real'), join(base, 'link'));
    const added = settings.addFolder(folder('link/inside'));
    expect(added.localPath).toBe(join(base, 'real/inside'));
    expect(settings.folder(added.id)).toEqual(added);
    expect(settings.folders()).toEqual([added]);
  });

  test('never overlap on disk, whatever the path says', () => {
    mkdirSync(join(base, 'docs/inner'), { recursive: true });
    symlinkSync(join(base, 'docs'), join(base, 'alias'));
    settings.addFolder(folder('docs'));
    for (const path of ['docs', 'docs/', 'docs/inner', 'docs/not-yet/deep', 'alias', 'alias/inner', 'docs/../docs/inner', '.']) {
      expect([path, codeOf(() => settings.addFolder(folder(path)))]).toEqual([path, path === '.' ? 'root-unsuitable' : 'root-nested']);
    }
    expect(codeOf(() => settings.addFolder(folder('docs2')))).toBe('no error');
    expect(codeOf(() => settings.addFolder(folder('doc')))).toBe('no error');
  });

  test('never overlap in a bucket, by whichever connection', () => {
    settings.addFolder(folder('one', { bucket: 'shared', prefix: 'team/docs/' }));
    const at = (prefix: string, connectionId = 'id of a', bucket = 'shared'): string => {
      const wanted = folder(`other-${made}`, { bucket, prefix, connectionId });
      return codeOf(() => settings.addFolder(wanted));
    };
    expect(at('team/docs/')).toBe('prefix-taken');
    expect(at('team/')).toBe('prefix-taken');
    expect(at('')).toBe('prefix-taken');
    expect(at('team/docs/2026/')).toBe('prefix-taken');
    expect(at('team/docs/', 'id of same place as a')).toBe('prefix-taken');
    expect(at('team/docs2/')).toBe('no error');
    expect(at('team/docs/', 'id of b')).toBe('no error');
    expect(at('team/docs/', 'id of a', 'other-bucket')).toBe('no error');
  });

  test('do not lie where Enfold keeps its own, where a storage keeps its objects, or over everything', () => {
    settings.addConnection(connection('store', { kind: 'built-in', endpoint: null, directory: join(base, 'store') }));
    expect(codeOf(() => settings.addFolder(folder('store/x')))).toBe('root-unsuitable');
    expect(codeOf(() => settings.addFolder(folder('home/folders/x')))).toBe('root-unsuitable');
    expect(codeOf(() => settings.addFolder(folder('x', { localPath: '/' })))).toBe('root-unsuitable');
    expect(codeOf(() => settings.addFolder(folder('x', { localPath: homedir() })))).toBe('root-unsuitable');
    expect(codeOf(() => settings.addFolder(folder('x', { localPath: tmpdir() })))).toBe('root-unsuitable');
  });

  test('are changed under the same rules, and do not overlap with themselves', () => {
    const one = settings.addFolder(folder('one', { bucket: 'shared', prefix: 'a/' }));
    const two = settings.addFolder(folder('two', { bucket: 'shared', prefix: 'b/' }));
    expect(settings.updateFolder({ ...one, isPaused: true }).isPaused).toBe(true);
    expect(codeOf(() => settings.updateFolder({ ...two, prefix: 'a/b/' }))).toBe('prefix-taken');
    expect(codeOf(() => settings.updateFolder({ ...two, localPath: join(one.localPath, 'x') }))).toBe('root-nested');
    expect(codeOf(() => settings.updateFolder({ ...two, name: one.name }))).toBe('name-taken');
    expect(settings.folder(two.id)).toEqual(two);
    expect(codeOf(() => settings.updateConnection({ ...connection('b'), id: 'id of nothing' }))).toBe('no-such-connection');
  });

  test('cannot be brought together by a change of their connection', () => {
    settings.addFolder(folder('one', { bucket: 'shared', prefix: 'x/' }));
    settings.addFolder(folder('two', { bucket: 'shared', prefix: 'x/', connectionId: 'id of b' }));
    expect(codeOf(() => settings.updateConnection({ ...connection('b'), endpoint: 'https://a.example.invalid' }))).toBe('prefix-taken');
    expect(settings.connectionNamed('b')?.endpoint).toBe('https://b.example.invalid');
  });

  test('find a free name', () => {
    settings.addFolder(folder('one', { name: 'Docs' }));
    expect(settings.freeFolderName('docs')).toBe('docs 2');
    expect(settings.freeFolderName('else')).toBe('else');
  });
});

describe('changes', () => {
  test('of this process are told at once, and only where something changed', () => {
    let calls = 0;
    const end = settings.onChange(() => {
      calls += 1;
    });
    settings.addConnection(connection('a'));
    expect(codeOf(() => settings.addConnection(connection('a')))).toBe('name-taken');
    expect(calls).toBe(1);
    end();
    settings.putFact('theme', 'dark');
    expect(calls).toBe(1);
    expect(settings.fact('theme')).toBe('dark');
  });

  test('of two processes at once never break a rule together', () => {
    settings.addConnection(connection('a'));
    const other = openSettings(home);
    settings.addFolder(folder('docs', { name: 'x' }));
    expect(codeOf(() => other.addFolder(folder('docs/inner')))).toBe('root-nested');
    expect(codeOf(() => other.addFolder(folder('else', { name: 'X' })))).toBe('name-taken');
    expect(codeOf(() => other.removeConnection('id of a'))).toBe('connection-in-use');
    other.close();
  });
});

describe('the home directory', () => {
  test('is where ENFOLD_HOME says, or where the platform keeps such things', () => {
    expect(enfoldHomePath({ ENFOLD_HOME: '/x/y' })).toBe('/x/y');
    expect(enfoldHomePath({ HOME: '/home/u' }, 'linux')).toBe('/home/u/.local/share/enfold');
    expect(enfoldHomePath({ HOME: '/home/u', XDG_DATA_HOME: '/data' }, 'linux')).toBe('/data/enfold');
    expect(enfoldHomePath({ HOME: '/home/u', XDG_DATA_HOME: 'relative' }, 'linux')).toBe('/home/u/.local/share/enfold');
    expect(enfoldHomePath({ HOME: '/Users/u' }, 'darwin')).toBe('/Users/u/Library/Application Support/Enfold');
  });

  test('is readable by its user only, also where it was not', () => {
    expect(statSync(home).mode & 0o777).toBe(0o700);
    expect(statSync(join(home, 'enfold.db')).mode & 0o777).toBe(0o600);
    chmodSync(home, 0o755);
    expect(statSync(enfoldHome({ ENFOLD_HOME: home })).mode & 0o777).toBe(0o700);
  });

  test('is refused where a file stands in the way', () => {
    expect(codeOf(() => enfoldHome({ ENFOLD_HOME: join(home, 'enfold.db') }))).toBe('not-a-directory');
  });
});
