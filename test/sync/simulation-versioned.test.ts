/** Histories with a server of level versioned. */
import { simulateLevel } from './simulation.ts';

simulateLevel('versioned');
