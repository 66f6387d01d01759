import { expect, test } from 'vitest';
import { sumOfPieces } from '../../main/transfer/moved.ts';

test('pieces side by side come to one figure that never falls, also where one is sent again', () => {
  const told: number[] = [];
  const pieces = sumOfPieces((bytes) => told.push(bytes));
  const [first, second] = [pieces.piece(100), pieces.piece(50)];
  first.moved(60);
  second.moved(10);
  first.moved(0);
  first.moved(30);
  first.moved(90);
  first.done();
  first.moved(5);
  first.done();
  second.moved(80);
  second.done();
  expect(told).toEqual([60, 70, 100, 110, 150]);
});
