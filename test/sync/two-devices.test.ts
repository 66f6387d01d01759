import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Device } from './device.ts';
import { MemoryBucket } from './bucket-over-disks.ts';

let bucket: MemoryBucket;
let a: Device;
let b: Device;

beforeEach(async () => {
  bucket = new MemoryBucket();
  a = await new Device('anna', bucket).open();
  b = await new Device('ben', bucket).open();
});
afterEach(async () => {
  await a.remove();
  await b.remove();
});

/** Both devices, until both have seen what the other did; then that they hold the same and have nothing left to do. */
async function settleBoth(): Promise<void> {
  for (const device of [a, b, a, b]) await device.sync();
  expect(b.files()).toEqual(a.files());
  const writes = bucket.writes();
  for (const device of [a, b]) {
    const result = await device.engine.runCycle();
    expect(result).toMatchObject({ done: 0, failed: 0, postponed: 0, isSettled: true, stopped: null });
  }
  expect(bucket.writes()).toBe(writes);
}

describe('two devices', () => {
  test('bring a new file, an edit, a rename and a deletion to the other', async () => {
    a.write('docs/one.txt', 'one');
    a.write('two.txt', 'two');
    await settleBoth();
    expect(b.files()).toEqual({ 'docs/one.txt': 'one', 'two.txt': 'two' });

    b.write('docs/one.txt', 'one, edited');
    await settleBoth();
    expect(a.read('docs/one.txt')).toBe('one, edited');

    a.rename('two.txt', 'docs/2.txt');
    await settleBoth();
    expect(b.files()).toEqual({ 'docs/2.txt': 'two', 'docs/one.txt': 'one, edited' });

    a.write('three.txt', 'three');
    await settleBoth();
    b.delete('docs');
    await settleBoth();
    expect(a.files()).toEqual({ 'three.txt': 'three' });
    expect(a.conflictCopies()).toEqual([]);
  });

  test('rename by a copy inside the bucket, without sending the content again', async () => {
    a.write('before.txt', 'the content');
    await settleBoth();
    const puts = bucket.requests.filter(({ name }) => name === 'put').length;
    a.rename('before.txt', 'after.txt');
    await settleBoth();
    expect(bucket.requests.filter(({ name }) => name === 'put').length).toBe(puts);
    expect(Object.keys(a.remoteFiles())).toEqual(['after.txt']);
  });

  test('keep both versions when each edited the file', async () => {
    a.write('plan.txt', 'first');
    await settleBoth();
    a.write('plan.txt', 'by anna');
    b.write('plan.txt', 'by ben');
    await settleBoth();
    const contents = Object.values(a.files());
    expect(contents.toSorted()).toEqual(['by anna', 'by ben']);
    expect(a.conflictCopies().length).toBe(1);
    expect(a.conflictCopies()[0]).toMatch(/^plan \(conflict ben-[0-9a-f]{4} \d{4}-\d\d-\d\d \d{6} [0-9a-f]{4}\)\.txt$/);
    expect(b.engine.status().twoVersions).toBe(1);
  });

  test('make no copy when both made the same edit', async () => {
    a.write('plan.txt', 'first');
    await settleBoth();
    a.write('plan.txt', 'the same');
    b.write('plan.txt', 'the same');
    await settleBoth();
    expect(a.files()).toEqual({ 'plan.txt': 'the same' });
  });

  test('keep the edit when the other deleted the file', async () => {
    a.write('one.txt', 'one');
    a.write('two.txt', 'two');
    await settleBoth();
    a.write('one.txt', 'one, edited');
    b.delete('one.txt');
    b.write('two.txt', 'two, edited');
    a.delete('two.txt');
    await settleBoth();
    expect(a.files()).toEqual({ 'one.txt': 'one, edited', 'two.txt': 'two, edited' });
  });

  test('bring empty directories and their removal to the other', async () => {
    a.makeDirectory('empty/deeper');
    await settleBoth();
    expect(b.files()).toEqual({ 'empty/deeper/': '' });
    b.delete('empty');
    await settleBoth();
    expect(a.files()).toEqual({});
  });

  test('keep a directory that got a file while the other removed it', async () => {
    a.makeDirectory('box');
    await settleBoth();
    a.write('box/new.txt', 'new');
    b.delete('box');
    await settleBoth();
    expect(b.files()).toEqual({ 'box/new.txt': 'new' });
  });

  test('bring changed permission bits to the other without sending the content', async () => {
    a.write('run.sh', 'echo');
    a.chmod('run.sh', 0o644);
    await settleBoth();
    a.chmod('run.sh', 0o755);
    const result = await a.sync();
    expect(result.counts['update-attributes']).toBe(1);
    expect(bucket.objects.get('run.sh')?.attributes.modeBits).toBe(0o755);
    await settleBoth();
    expect(b.mode('run.sh')).toBe(0o755);
    b.chmod('run.sh', 0o700);
    await settleBoth();
    expect(a.mode('run.sh')).toBe(0o700);
    expect(bucket.requests.filter(({ name }) => name === 'put').length).toBe(1);
  });

  test('make no conflict copy of a file whose permission bits one changed and the other edited', async () => {
    a.write('run.sh', 'echo');
    await settleBoth();
    a.chmod('run.sh', 0o755);
    await a.sync();
    b.write('run.sh', 'echo hello');
    await settleBoth();
    expect(a.files()).toEqual({ 'run.sh': 'echo hello' });
  });

  test('record a file that was only touched, without any request that writes', async () => {
    a.write('one.txt', 'one');
    await settleBoth();
    const writes = bucket.writes();
    a.write('one.txt', 'one');
    const result = await a.sync();
    expect(result.counts['refresh-base']).toBe(1);
    expect(bucket.writes()).toBe(writes);
  });

  test('join two filled folders to their union and delete nothing', async () => {
    a.write('only-a.txt', 'a');
    a.write('same.txt', 'same');
    a.write('differs.txt', 'from a');
    b.write('only-b.txt', 'b');
    b.write('same.txt', 'same');
    b.write('differs.txt', 'from b');
    await settleBoth();
    const files = a.files();
    expect(Object.keys(files).length).toBe(5);
    expect(Object.values(files).toSorted()).toEqual(['a', 'b', 'from a', 'from b', 'same']);
  });

  test('bring back a file that was deleted and written again with the same content', async () => {
    a.write('one.txt', 'one');
    await settleBoth();
    a.delete('one.txt');
    await a.sync();
    a.write('one.txt', 'one');
    await settleBoth();
    expect(b.files()).toEqual({ 'one.txt': 'one' });
  });

  test('replace a file by a directory of the same name', async () => {
    a.write('thing', 'a file');
    await settleBoth();
    a.delete('thing');
    a.write('thing/inside.txt', 'inside');
    await settleBoth();
    expect(b.files()).toEqual({ 'thing/inside.txt': 'inside' });
  });

  test('keep the local version as a conflict copy when a server without conditions let the other overwrite it', async () => {
    a.write('one.txt', 'first');
    await settleBoth();
    bucket.ignoresConditions = true;
    a.write('one.txt', 'by anna, longer');
    b.write('one.txt', 'by ben');
    // Both plan before either has sent anything.
    let planned = 0;
    bucket.pause = async () => {
      planned += 1;
      await vi.waitUntil(() => planned >= 2, { timeout: 30_000 });
    };
    await Promise.all([a.engine.runCycle(), b.engine.runCycle()]);
    await settleBoth();
    expect(Object.values(a.files()).toSorted()).toEqual(['by anna, longer', 'by ben']);
  });
});

describe('a device whose disk takes some names for one', () => {
  test('keeps the first, lists the others with what they collide with, and merges nothing, cycle after cycle', async () => {
    const c = await new Device('carla', bucket, { platform: 'darwin' }).open();
    try {
      for (const path of ['Notes.txt', 'notes.txt', 'Photos/one.jpg', 'photos/two.jpg', 'u\u0308ber.txt', '\u00fcber.txt']) a.write(path, `content of ${path}`);
      await a.sync();
      const objects = bucket.objects.size;
      for (let i = 0; i < 3; i++) expect(await c.sync()).toMatchObject({ failed: 0, conflictCopies: [], isInStep: true });
      expect(c.files()).toEqual({ 'Notes.txt': 'content of Notes.txt', 'Photos/one.jpg': 'content of Photos/one.jpg', 'u\u0308ber.txt': 'content of u\u0308ber.txt' });
      expect(c.state.skipped().filter(({ reason }) => reason === 'name-collision').map(({ path, detail }) => [path, detail])).toEqual([['notes.txt', 'Notes.txt'], ['photos/two.jpg', 'Photos'], ['\u00fcber.txt', 'u\u0308ber.txt']]);
      expect(bucket.objects.size).toBe(objects);
      // Once the first is gone, the other may have the name.
      a.delete('Notes.txt');
      await a.sync();
      for (let i = 0; i < 2; i++) await c.sync();
      expect(c.read('notes.txt')).toBe('content of notes.txt');
      await a.sync();
      expect(Object.keys(a.files())).toContain('photos/two.jpg');
    } finally {
      await c.remove();
    }
  });
});
