import { inject } from 'vitest';
import type { Stack } from './stack-file.ts';

/** The copy that this run is about. */
export const stack: Stack = inject('stack');
