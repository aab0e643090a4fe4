import { Duration } from 'aws-cdk-lib';
import { environmentName } from '../../shared/contracts/environment.ts';
import type { StageSettings } from '../stage.ts';
import type { Alerts, Limit } from './alerts.ts';
import type { HandlerFunction } from './handler-function.ts';

/**
 * A quarter: below that the repeats of our client and of the queues get through. In three times of five minutes in a row, because a stack
 * with few calls may lose one of four by chance, and Meta's hiccups are over sooner.
 */
const outage: Limit = { atLeast: 0.25, within: Duration.minutes(5), timesInARow: 3 };

/** Meta's Graph API, which is no resource of ours: calling it needs its address and the version we speak. */
export class GraphApi {
  readonly #settings: StageSettings;

  constructor(settings: StageSettings, alerts: Alerts) {
    this.#settings = settings;
    alerts.onRate('GraphFailed', outage, {
      severity: 'warning',
      meaning:
        "A quarter of our calls of Meta's Graph API has failed by no fault of the request, for a quarter of an hour.",
    });
  }

  /** Tells the caller where the Graph API is. What it may do there depends on the secrets it may open. */
  grantCall(caller: HandlerFunction): void {
    caller.setVariable(environmentName.graphApiUrl, this.#settings.graphApiUrl);
    caller.setVariable(environmentName.graphApiVersion, this.#settings.graphApiVersion);
  }
}
