"""Areas: boxes, circles and polygons on the earth, and what lies in them."""
