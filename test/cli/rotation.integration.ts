/** A key that changes while two computers work in the folder, each a process of its own, and one of them is killed in the middle. */
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startBuiltInPlace, type BuiltInPlace } from '../helpers/built-in-place.ts';
import { createComputer, makeScratch } from '../helpers/cli.ts';
import { describeStored } from '../helpers/stored-objects.ts';
import { seededBytes, treeOf, writeAt } from '../helpers/tree.ts';

const scratch = makeScratch();
let place: BuiltInPlace;
beforeAll(async () => {
  place = await startBuiltInPlace(scratch.dir);
});
afterAll(async () => {
  await place.stop();
  scratch.remove();
});

const FILES = 60;

test('a rotation that is killed goes on, and nothing that the other computer wrote meanwhile is lost', async () => {
  const [anna, ben] = [createComputer(scratch.dir, 'anna'), createComputer(scratch.dir, 'ben')];
  const [annas, bens] = [join(scratch.dir, 'annas'), join(scratch.dir, 'bens')];
  for (const computer of [anna, ben]) await computer.connect(place.server);
  for (let i = 0; i < FILES; i += 1) writeAt(annas, `${i % 5}/file ${i}.bin`, seededBytes(`rotation/${i}`, 20_000 + i));
  writeAt(bens, 'from ben.txt', 'one');
  const takeKey = async (name: string): Promise<string> => {
    const file = join(scratch.dir, `${name}.key`);
    writeFileSync(file, seededBytes(`rotation/key ${name}`, 32));
    await ben.ok(['key', 'import', name, '--from', file]);
    return (await anna.json<{ keyId: string }>(['key', 'import', name, '--from', file])).keyId;
  };
  await takeKey('old');
  const { id } = await anna.json<{ id: string }>(['folder', 'add', annas, '--remote', 's3://rotation/shared', '--connection', 's3', '--create-bucket', '--mode', 'cse-c', '--key', 'old']);
  await anna.ok(['sync', id]);
  await ben.ok(['folder', 'add', bens, '--remote', 's3://rotation/shared', '--connection', 's3']);
  await ben.ok(['sync', id]);
  const keyId = await takeKey('next');
  const count = async (): Promise<number> => (await describeStored(place.s3, 'rotation', 'shared/')).filter(({ envelope }) => envelope === keyId).length;

  expect(await anna.json(['key', 'rotate', 'old', '--to', 'next'])).toMatchObject({ started: false, folders: [{ id, ways: { rewrap: { objects: FILES + 1 } } }] });
  expect(await count()).toBe(0);
  const watching = ben.spawn(['sync', id, '--watch']);
  const rotating = anna.spawn(['key', 'rotate', 'old', '--to', 'next', '--yes']);
  const ended = once(rotating, 'exit');
  let done = 0;
  for (let edits = 0; done === 0 && rotating.exitCode === null; edits += 1) {
    writeAt(bens, '0/file 0.bin', `edited by ben, ${edits}`);
    writeAt(bens, `new at ben/${edits}.txt`, String(edits));
    await sleep(20);
    done = await count();
  }
  rotating.kill('SIGKILL');
  await ended;
  expect(rotating.signalCode).toBe('SIGKILL');
  writeAt(bens, '1/file 1.bin', 'edited by ben while nobody rotates');
  const stopped = once(watching, 'exit');
  watching.kill('SIGINT');
  await stopped;

  expect(await anna.json(['sync', id])).toMatchObject({ inStep: true, folders: [{ change: { isDone: true, failed: [] } }] });
  await ben.ok(['sync', id]);
  await anna.ok(['sync', id]);
  expect(treeOf(annas)).toEqual(treeOf(bens));
  const stored = await describeStored(place.s3, 'rotation', 'shared/');
  expect([...new Set(stored.map(({ envelope }) => envelope))]).toEqual([keyId]);
  const names = Object.keys(treeOf(annas));
  expect(names.filter((path) => path.startsWith('1/') || path.startsWith('0/')).length).toBe(2 * (FILES / 5) + 2);
  expect(names.filter((path) => path.includes('conflict'))).toEqual([]);
  const { versions } = await anna.json<{ versions: { retirable: { name: string }[] } }>(['verify', id, '--versions']);
  expect(versions.retirable).toMatchObject([{ name: 'old' }]);
  await anna.ok(['key', 'remove', 'old']);
  await anna.ok(['sync', id]);
}, 300_000);
