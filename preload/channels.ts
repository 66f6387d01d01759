/** The two IPC channels; apart from the contract so that the preload script carries no parser. */
export const REQUEST_CHANNEL = 'enfold:request';
export const EVENT_CHANNEL = 'enfold:event';
