"""Occlusion beside integrated gradients."""
