/** WebSocket close code: the service restarts, come back. */
export const SERVICE_RESTART = 1012;
