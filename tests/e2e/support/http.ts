/** Requests from the machine on which `azds up` runs. */

const SERVED_MS_MAX = 15_000;

/**
 * Status and body, for example `200 ["one"]`. A Service's address leads to a new pod a moment after the pod is ready,
 * when kube-proxy has followed; until then 502 or 503 say so, and the request is made again.
 */
export async function getServed(url: string): Promise<string> {
  const deadline = Date.now() + SERVED_MS_MAX;
  for (;;) {
    const response = await fetch(url);
    const answer = `${response.status} ${await response.text()}`;
    if ((response.status !== 502 && response.status !== 503) || Date.now() > deadline) return answer;
    await Bun.sleep(100);
  }
}
