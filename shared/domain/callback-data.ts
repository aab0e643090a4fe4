/**
 * Marks what we have sent ourselves: `biz_opaque_callback_data` begins so, and Meta repeats it in every status. Behind it stand the event
 * that was answered and the index of the reply.
 */
export const callbackDataPrefix = 'sb1:';
