/** Whether the organization in memory is built in: in `npm run dev` and the demo build only. */
declare const __DEMO__: boolean;
