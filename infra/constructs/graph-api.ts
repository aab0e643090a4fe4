import { environmentName } from '../../shared/contracts/environment.ts';
import type { StageSettings } from '../stage.ts';
import type { HandlerFunction } from './handler-function.ts';

/** Meta's Graph API, which is no resource of ours: calling it needs its address and the version we speak. */
export class GraphApi {
  readonly #settings: StageSettings;

  constructor(settings: StageSettings) {
    this.#settings = settings;
  }

  /** Tells the caller where the Graph API is. What it may do there depends on the secrets it may open. */
  grantCall(caller: HandlerFunction): void {
    caller.setVariable(environmentName.graphApiUrl, this.#settings.graphApiUrl);
    caller.setVariable(environmentName.graphApiVersion, this.#settings.graphApiVersion);
  }
}
