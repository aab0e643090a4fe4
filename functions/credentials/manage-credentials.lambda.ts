import { apiLambda } from '../edge/api-lambda.ts';
import { createCredentialRoute } from './create-credential.ts';

export const handler = apiLambda([createCredentialRoute]);
