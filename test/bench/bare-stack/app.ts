import { App } from 'aws-cdk-lib';
import { BareFloor } from './bare-floor.ts';

const app = new App();
new BareFloor(app, 'BareFloor', { listenerUrl: String(app.node.tryGetContext('listener')) });
app.synth();
