"""The catalogue of practices and components that governments reuse."""
