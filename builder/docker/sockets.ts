/** Of the node. */
export const DOCKER_SOCKET = "/var/run/docker.sock";
/** Where `__docker` listens for questions about images; beside BUILDKIT_SOCKET, where it is BuildKit. */
export const DOCKER_IMAGES_SOCKET = "/run/azds/docker-images.sock";
