/** How the image gets to the nodes of the clusters that people use; pure. */

/** Lines to copy, for an archive that `azds image export` wrote. The way of the context's own tool comes alone. */
export function waysToLoad(file: string, reference: string, context = ""): readonly string[] {
  const kind = /^kind-(?<name>.+)$/.exec(context)?.groups?.["name"];
  if (kind !== undefined) return [`kind load image-archive ${file} --name ${kind}`];
  const k3d = /^k3d-(?<name>.+)$/.exec(context)?.groups?.["name"];
  if (k3d !== undefined) return [`k3d image import ${file} --cluster ${k3d}`];
  if (context === "minikube") return [`minikube image load ${file}`];
  const tag = reference.slice(reference.lastIndexOf(":") + 1);
  return [
    `kind:      kind load image-archive ${file}`,
    `minikube:  minikube image load ${file}`,
    `k3d:       k3d image import ${file}`,
    `each node: ctr --namespace k8s.io images import ${file}`,
    `           docker load --input ${file}   where it runs Docker`,
    `registry:  skopeo copy docker-archive:${file} docker://REGISTRY/azds:${tag}`,
    `           azds cluster enable --image REGISTRY/azds:${tag}`,
  ];
}
