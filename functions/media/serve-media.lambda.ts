import { agentLambda } from '../edge/agent-lambda.ts';
import { completeUploadRoute } from './complete-upload.ts';
import { fetchMediaRoute } from './fetch-media.ts';
import { uploadMediaRoute } from './upload-media.ts';

export const handler = agentLambda([fetchMediaRoute, uploadMediaRoute, completeUploadRoute]);
