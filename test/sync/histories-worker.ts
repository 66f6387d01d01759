/** A share of many histories, in a thread of its own. */
import { parentPort, workerData } from 'node:worker_threads';
import { mixedHistory, runHistories } from './many-histories.ts';
import type { Share } from './many-histories.ts';

const { level, firstSeed, count } = workerData as Share;
parentPort?.postMessage(await runHistories(count, (seed) => mixedHistory(level, seed), firstSeed));
