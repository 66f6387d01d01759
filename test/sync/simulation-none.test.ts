/** Histories with a server of level none. */
import { simulateLevel } from './simulation.ts';

simulateLevel('none');
