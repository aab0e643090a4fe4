import { apiLambda } from '../edge/api-lambda.ts';
import { eraseCustomerRoute } from './erase-customer.ts';

export const handler = apiLambda([eraseCustomerRoute]);
