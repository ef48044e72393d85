"""Every record and file format of the project, and nothing else.

The data jobs (``pipelines``) and the trainer (``mm1_model``) meet here and nowhere else. This package imports no other
package of the project, neither Beam nor torch.
"""
