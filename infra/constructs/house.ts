import type { StageSettings } from '../stage.ts';
import type { DataKey } from './data-key.ts';

/** What every construct of the stack is built with. */
export interface HouseProps {
  readonly settings: StageSettings;
  /** Encrypts what the construct keeps at rest. */
  readonly dataKey: DataKey;
}
