// Dependencies point inward: contracts <- domain, crypto <- adapters <- functions; infra and console import contracts only;
// nothing imports infra; aws-cdk-lib only in infra; the simulator stands alone. test/unit/boundaries.test.ts plants violations.
const forbid = (name, from, to, comment) => ({ name, severity: 'error', comment, from, to });
const layer = (name, from, allowed) =>
  forbid(
    name,
    { path: from },
    { path: '^(shared|functions|infra|console|simulator|test)/', pathNot: allowed },
    `${from} may import only ${allowed}`,
  );

module.exports = {
  forbidden: [
    forbid('no-cycles', {}, { circular: true }, 'A cycle has no inside and no outside.'),
    layer('contracts-import-only-zod', '^shared/contracts/', '^shared/contracts/'),
    forbid(
      'contracts-use-only-zod',
      { path: '^shared/contracts/' },
      { dependencyTypes: ['npm', 'core'], pathNot: 'node_modules/(zod|zod-openapi)/' },
      'Contracts run in the browser too.',
    ),
    layer('domain-imports-contracts-and-crypto', '^shared/domain/', '^shared/(domain|contracts|crypto)/'),
    layer('crypto-imports-contracts', '^shared/crypto/', '^shared/(crypto|contracts)/'),
    forbid(
      'crypto-uses-only-node-crypto',
      { path: '^shared/crypto/' },
      { dependencyTypes: ['npm', 'core'], pathNot: '^(node:)?crypto$' },
      'Key material meets nothing but node:crypto.',
    ),
    layer('adapters-import-shared', '^shared/adapters/', '^shared/'),
    layer('functions-import-shared', '^functions/', '^(shared|functions)/'),
    layer('infra-imports-contracts', '^infra/', '^(infra|shared/contracts)/'),
    layer('console-imports-contracts', '^console/', '^(console|shared/contracts)/'),
    layer('simulator-stands-alone', '^simulator/', '^simulator/'),
    forbid(
      'sdk-only-in-adapters',
      { path: '^(shared/(?!adapters)|functions|console|simulator)' },
      { path: 'node_modules/@aws-sdk/' },
      'Adapters translate SDK calls and errors.',
    ),
    forbid(
      'cdk-only-in-infra',
      { pathNot: '^(infra|test|node_modules)/' },
      { path: 'node_modules/(aws-cdk-lib|constructs|cdk-nag)/' },
      'aws-cdk-lib only in infra.',
    ),
    forbid(
      'no-shared-use-cases',
      { path: '^functions/(?!edge)([^/]+)/' },
      { path: '^functions/(?!edge)', pathNot: '^functions/$1/' },
      'A capability does not import another one.',
    ),
    forbid(
      'not-in-development',
      { path: '^(functions|shared)/' },
      { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'], dependencyTypesNot: ['type-only'] },
      'What runs is a dependency.',
    ),
    forbid('resolvable', {}, { couldNotResolve: true }, 'Every import resolves.'),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)(cdk\\.out|\\.local|coverage)/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
};
