/** Histories with a server of level put-only. */
import { simulateLevel } from './simulation.ts';

simulateLevel('put-only');
