import { App, AspectPriority, Aspects, Tags, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks, ServerlessChecks } from 'cdk-nag';
import { EmulatorAspect } from './local/emulator-aspect.ts';
import { SettingsRefused, type StageSettings, settingsFromContext } from './stage.ts';
import { SwitchboardStack } from './switchboard-stack.ts';

/** The account id that emulators answer with. The local stage is bound to it, so that it can never be deployed onto AWS. */
const emulatorAccount = '000000000000';

/** One stack for a stage. `prod` and `local` are both called Switchboard: they never meet. */
export const stackNameOf = (stage: StageSettings['stage']) => (stage === 'dev' ? 'Switchboard-dev' : 'Switchboard');

/** Builds the app for the stage that its context names. */
export function switchboard(app: App): SwitchboardStack {
  const settings = settingsFromContext((key) => app.node.tryGetContext(key));
  const stack = new SwitchboardStack(app, 'Switchboard', {
    stackName: stackNameOf(settings.stage),
    description: 'Switchboard: bring-your-own WhatsApp for agent platforms',
    settings,
    ...(settings.stage === 'local' ? { env: { account: emulatorAccount } } : {}),
  });
  for (const [name, value] of Object.entries({ ...settings.tags, project: 'switchboard', stage: settings.stage }))
    Tags.of(stack).add(name, value);
  if (settings.stage === 'local')
    Aspects.of(stack).add(new EmulatorAspect(), { priority: AspectPriority.READONLY - 1 });
  else Validations.of(app).addPlugins(new AwsSolutionsChecks(app), new ServerlessChecks(app));
  return stack;
}

if (import.meta.main) {
  try {
    const app = new App();
    switchboard(app);
    app.synth();
  } catch (error) {
    if (!(error instanceof SettingsRefused)) throw error;
    console.error(error.message);
    process.exitCode = 1;
  }
}
