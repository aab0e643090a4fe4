import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** The search for secrets judges what all other files left behind: it comes last. The rest keeps Vitest's own order. */
export class SecrecyLast extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isLast = ({ moduleId }: TestSpecification) => moduleId.endsWith('/e2e/secrecy.test.ts');
    const sorted = await super.sort(files);
    return [...sorted.filter((file) => !isLast(file)), ...sorted.filter(isLast)];
  }
}
