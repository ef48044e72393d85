"""What jobs bring together: the parts they read, the images these refer to, and how ids are looked up."""
