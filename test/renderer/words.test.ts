import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { de } from '../../renderer/strings/de.ts';
import { en } from '../../renderer/strings/en.ts';

const root = path.resolve('renderer');
const components = fs.readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.tsx'));

function leaves(value: object, where = ''): [string, string][] {
  return Object.entries(value).flatMap(([key, child]: [string, unknown]): [string, string][] => (typeof child === 'string' ? [[`${where}${key}`, child]] : leaves(child as object, `${where}${key}.`)));
}
const words = leaves(en);

test('no component holds a word of its own', () => {
  const found = components.flatMap((name) => {
    const text = fs.readFileSync(path.join(root, name), 'utf8').replaceAll(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '');
    const inText = [...text.matchAll(/<\/?[A-Za-z][^<>{}]*>([^<>{}\n:?&|]*[A-Za-z]{2}[^<>{}\n:?&|]*)</g)].map((match) => match[1]);
    const inAttributes = [...text.matchAll(/(?:aria-label|placeholder|title|label|alt)="([^"]*[A-Za-z][^"]*)"/g)].map((match) => match[1]).filter((value) => !value?.startsWith('https://'));
    return [...inText, ...inAttributes].map((word) => `${name}: ${word}`);
  });
  expect(found).toEqual([]);
});

test('every word is used by a component', () => {
  const source = components.map((name) => fs.readFileSync(path.join(root, name), 'utf8')).join('\n');
  const isUsed = (key: string): boolean => {
    const plain = key.replace(/_(one|other)$/, '');
    if (source.includes(`'${plain}'`)) return true;
    // Built from a prefix: t(`modes.${mode}.badge`)
    const parts = plain.split('.');
    return parts.some((_, index) => index > 0 && source.includes(`\`${parts.slice(0, index).join('.')}.\${`));
  };
  expect(words.map(([key]) => key).filter((key) => !isUsed(key))).toEqual([]);
});

test('the words keep to the tone: no exclamation marks, no ascii quotes, both forms of each plural', () => {
  expect(words.filter(([, text]) => /!|\.\.\.|\w'\w/.test(text))).toEqual([]);
  const keys = new Set(words.map(([key]) => key));
  expect([...keys].filter((key) => (key.endsWith('_one') && !keys.has(key.replace(/_one$/, '_other'))) || (key.endsWith('_other') && !keys.has(key.replace(/_other$/, '_one'))))).toEqual([]);
});

test('every language has the same words with the same places to fill', () => {
  const places = (text: string): string[] => [...text.matchAll(/\{\{(\w+)\}\}/g)].map((match) => match[1]!).toSorted();
  const shape = (catalogue: object): [string, string[]][] => leaves(catalogue).map(([key, text]) => [key, places(text)]);
  expect(Object.fromEntries(shape(de))).toEqual(Object.fromEntries(shape(en)));
});

test('the other language is written, not copied', () => {
  const english = new Map(words);
  const same = leaves(de).filter(([key, text]) => text === english.get(key) && /[a-z]{4,} [a-z]{3,}/.test(text));
  expect(same).toEqual([]);
  expect(leaves(de).filter(([, text]) => /!|\.\.\.|\w'\w/.test(text))).toEqual([]);
});
